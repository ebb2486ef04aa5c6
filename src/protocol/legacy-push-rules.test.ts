import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUserId } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { withLegacyMentions } from './legacy-push-rules.ts'
import { compilePushRules, PushEvaluator } from './push-evaluation.ts'
import { defaultPushRules } from './push-rules.ts'

const bob = parseUserId('@bob:b.example')
const rules = withLegacyMentions(defaultPushRules(bob), bob)

function chosen(content: JsonObject, senderLevel = 0): string | undefined {
  const event = { type: 'm.room.message', sender: '@alice:a.example', room_id: '!r', content }
  const evaluator = new PushEvaluator({ event, memberCount: 3, senderLevel, notificationLevel: () => 50 })
  return evaluator.outcomeFor({ userId: bob, displayName: 'Robert' }, compilePushRules(rules))?.ruleId
}

test('the legacy rules stand behind those that took over from them', () => {
  const ids = rules.override.map((rule) => rule.rule_id.replace('.m.rule.', ''))
  assert.deepEqual(ids.slice(4, 9), [
    'is_user_mention',
    'contains_display_name',
    'is_room_mention',
    'roomnotif',
    'tombstone',
  ])
  assert.equal(rules.content.at(-1)?.pattern, 'bob')
})

test('names in the text mention people where the event does not say whom it means', () => {
  assert.equal(chosen({ body: 'is Robert there?' }), '.m.rule.contains_display_name')
  assert.equal(chosen({ body: 'bob: hello' }), '.m.rule.contains_user_name')
  assert.equal(chosen({ body: 'bobby: hello' }), '.m.rule.message')
  assert.equal(chosen({ body: '@room lunch' }, 50), '.m.rule.roomnotif')
  assert.equal(chosen({ body: '@room lunch' }, 0), '.m.rule.message')
})

test('an event that says whom it mentions is not searched for names', () => {
  assert.equal(chosen({ body: 'Robert, bob, @room', 'm.mentions': {} }, 50), '.m.rule.message')
})

test('a star in a user name is no pattern', () => {
  const odd = parseUserId('@b*b:b.example')
  assert.equal(withLegacyMentions(defaultPushRules(odd), odd).content.at(-1)?.pattern, 'bb')
})
