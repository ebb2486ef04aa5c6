import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUserId } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { compilePushRules, PushEvaluator } from './push-evaluation.ts'
import { defaultPushRules, pushRulesOf, type PushRule, type PushRuleKind } from './push-rules.ts'

const alice = parseUserId('@alice:a.example')
const bob = parseUserId('@bob:b.example')

interface Wish {
  readonly event?: JsonObject
  readonly memberCount?: number
  readonly senderLevel?: number
  readonly displayName?: string
}

const message = (content: JsonObject): JsonObject => ({ type: 'm.room.message', sender: alice, room_id: '!r', content })

function evaluatorOf(wish: Wish): PushEvaluator {
  return new PushEvaluator({
    event: wish.event ?? message({ body: 'hello' }),
    memberCount: wish.memberCount ?? 3,
    senderLevel: wish.senderLevel ?? 0,
    notificationLevel: () => 50,
  })
}

/** The rule that bob's default rules choose. */
function chosen(wish: Wish): string | undefined {
  return evaluatorOf(wish).outcomeFor({ userId: bob }, compilePushRules(defaultPushRules(bob)))?.ruleId
}

function own(kind: PushRuleKind, rule: Partial<PushRule>, wish: Wish = {}): boolean {
  const rules = pushRulesOf(
    bob,
    { [kind]: [{ rule_id: 'own', default: false, enabled: true, actions: [], ...rule }] },
    new Map(),
  )
  const outcome = evaluatorOf(wish).outcomeFor({ userId: bob, displayName: wish.displayName }, compilePushRules(rules))
  return outcome?.ruleId === (rule.rule_id ?? 'own')
}

const condition = (kind: string, more: JsonObject, wish?: Wish): boolean =>
  own('override', { conditions: [{ kind, ...more }] }, wish)

test('there are 15 rules by default, all but the master enabled', () => {
  const rules = Object.values(defaultPushRules(bob)).flat()
  assert.equal(rules.length, 15)
  assert.deepEqual(
    rules.filter((rule) => !rule.enabled).map((rule) => rule.rule_id),
    ['.m.rule.master'],
  )
  assert.equal(compilePushRules(defaultPushRules(bob)).length, 14)
})

test('each default rule chooses what it is for', () => {
  const member = (membership: string, target: string): JsonObject => ({
    type: 'm.room.member',
    sender: alice,
    state_key: target,
    content: { membership },
  })
  const mentions = (value: JsonValue) => message({ body: 'x', 'm.mentions': value })
  for (const [event, more, rule] of [
    [message({ body: 'x' }), {}, 'message'],
    [message({ body: 'x' }), { memberCount: 2 }, 'room_one_to_one'],
    [{ ...message({}), type: 'm.room.encrypted' }, {}, 'encrypted'],
    [{ ...message({}), type: 'm.room.encrypted' }, { memberCount: 2 }, 'encrypted_room_one_to_one'],
    [message({ body: 'x', msgtype: 'm.notice' }), {}, 'suppress_notices'],
    [member('invite', bob), {}, 'invite_for_me'],
    [member('invite', '@carol:c'), {}, 'member_event'],
    [member('join', bob), {}, 'member_event'],
    [mentions({ user_ids: [alice, bob] }), {}, 'is_user_mention'],
    [mentions({ user_ids: bob }), {}, 'message'],
    [mentions({ room: true }), { senderLevel: 50 }, 'is_room_mention'],
    [mentions({ room: true }), { senderLevel: 49 }, 'message'],
    [mentions({ room: 'true' }), { senderLevel: 50 }, 'message'],
    [{ type: 'm.room.tombstone', sender: alice, state_key: '', content: {} }, {}, 'tombstone'],
    [{ type: 'm.reaction', sender: alice, content: {} }, {}, 'reaction'],
    [{ type: 'm.room.server_acl', sender: alice, state_key: '', content: {} }, {}, 'room.server_acl'],
    [message({ body: 'x', 'm.relates_to': { rel_type: 'm.replace' } }), {}, 'suppress_edits'],
    [{ type: 'm.call.invite', sender: alice, content: {} }, {}, 'call'],
  ] as [JsonObject, Wish, string][]) {
    assert.equal(chosen({ event, ...more }), `.m.rule.${rule}`)
  }
  assert.equal(chosen({ event: { type: 'm.room.tombstone', sender: alice, content: {} } }), undefined)
  assert.equal(chosen({ event: { type: 'org.example', sender: alice, content: {} } }), undefined)
  assert.equal(chosen({ event: { ...message({ body: 'x' }), sender: bob } }), undefined)
})

test('patterns match whole values, but words of the body, in any case', () => {
  const event = { ...message({ body: 'An Example event', topic: 'Lunch plans', n: 5 }), state_key: '' }
  const match = (key: string, pattern: string) => condition('event_match', { key, pattern }, { event })
  assert.ok(match('content.topic', 'lunc?*'))
  assert.equal(match('content.topic', 'lunch'), false)
  assert.ok(match('content.body', 'ex*PLE'))
  assert.ok(match('state_key', ''))
  assert.equal(match('content.n', '*'), false)
  assert.equal(match('content.none', '*'), false)
})

test('values are compared exactly, and never across types', () => {
  const event = message({ 'm.federate': true, n: 1, f: 1.5, nothing: null, list: ['a', 2, null] })
  const is = (key: string, value: JsonValue) =>
    condition('event_property_is', { key: `content.${key}`, value }, { event })
  assert.ok(is('m\\.federate', true))
  assert.ok(is('n', 1))
  assert.ok(is('nothing', null))
  for (const [key, value] of [
    ['m\\.federate', 'true'],
    ['m\\.federate', 1],
    ['n', '1'],
    ['f', 1.5],
    ['none', null],
  ] as const) {
    assert.equal(is(key, value), false)
  }
  const has = (value: JsonValue) => condition('event_property_contains', { key: 'content.list', value }, { event })
  assert.ok(has('a') && has(2) && has(null))
  assert.equal(has('b') || has('2') || has([]), false)
  assert.equal(condition('event_property_contains', { key: 'content.n', value: 1 }, { event }), false)
})

test('rooms are counted with five comparisons', () => {
  const count = (is: JsonValue) => condition('room_member_count', { is }, { memberCount: 3 })
  assert.ok(count('3') && count('==3') && count('<4') && count('>2') && count('<=3') && count('>=3'))
  assert.equal(count('2') || count('<3') || count('>3') || count('=3') || count('x') || count(3), false)
})

test('the conditions of older clients still work, unknown ones never fit', () => {
  const event = message({ body: 'Hello Bo*b, there' })
  assert.ok(condition('contains_display_name', {}, { event, displayName: 'BO*B' }))
  assert.equal(condition('contains_display_name', {}, { event, displayName: 'bo' + '*' }), false)
  assert.equal(condition('contains_display_name', {}, { event, displayName: '' }), false)
  assert.equal(condition('contains_display_name', {}, { event }), false)
  assert.equal(condition('org.example.unknown', {}), false)
})

test('rooms, senders and words have rules of their own kinds', () => {
  assert.ok(own('room', { rule_id: '!r' }))
  assert.equal(own('room', { rule_id: '!other' }), false)
  assert.ok(own('sender', { rule_id: alice }))
  assert.ok(own('content', { pattern: 'HELL?' }))
  assert.equal(own('content', { pattern: 'hell' }), false)
})

test('own rules go before those by default, but after the master', () => {
  const mine: PushRule = { rule_id: 'mine', default: false, enabled: true, conditions: [], actions: ['notify'] }
  const off = new Map([['.m.rule.master', { enabled: true }]])
  const rules = (changes: typeof off) => compilePushRules(pushRulesOf(bob, { override: [mine] }, changes))
  const outcome = (changes: typeof off) => evaluatorOf({}).outcomeFor({ userId: bob }, rules(changes))
  assert.equal(outcome(new Map())?.ruleId, 'mine')
  assert.equal(outcome(off)?.ruleId, '.m.rule.master')
  assert.equal(outcome(off)?.notify, false)
})

test('actions become tweaks; those of older versions do nothing', () => {
  const changes = new Map([
    [
      '.m.rule.message',
      { actions: ['coalesce', 'notify', { set_tweak: 'highlight' }, { set_tweak: 'sound', value: 'x' }] },
    ],
  ])
  const outcome = evaluatorOf({}).outcomeFor({ userId: bob }, compilePushRules(pushRulesOf(bob, {}, changes)))
  assert.deepEqual(outcome, {
    ruleId: '.m.rule.message',
    notify: true,
    highlight: true,
    tweaks: { highlight: true, sound: 'x' },
  })
  const silent = new Map([['.m.rule.message', { actions: ['dont_notify'] }]])
  const none = evaluatorOf({}).outcomeFor({ userId: bob }, compilePushRules(pushRulesOf(bob, {}, silent)))
  assert.equal(none?.notify, false)
})
