import { localpartOf, type UserId } from './identifiers.ts'
import type { JsonValue } from './json.ts'
import type { PushRule, PushRuleset } from './push-rules.ts'

const mentioned: readonly JsonValue[] = ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }]

const containsDisplayName: PushRule = {
  rule_id: '.m.rule.contains_display_name',
  default: true,
  enabled: true,
  conditions: [{ kind: 'contains_display_name' }],
  actions: mentioned,
}

/** Everybody is called by a word. */
export const roomNotification: PushRule = {
  rule_id: '.m.rule.roomnotif',
  default: true,
  enabled: true,
  conditions: [
    { kind: 'event_match', key: 'content.body', pattern: '@room' },
    { kind: 'sender_notification_permission', key: 'room' },
  ],
  actions: ['notify', { set_tweak: 'highlight' }],
}

/** The local part of a user id as a pattern. It is none itself: were a star in it one, it would fit anything. */
export function userNamePattern(userId: UserId): string {
  return localpartOf(userId).replaceAll(/[*?]/g, '')
}

function containsUserName(userId: UserId): PushRule {
  const pattern = userNamePattern(userId)
  return { rule_id: '.m.rule.contains_user_name', default: true, enabled: true, pattern, actions: mentioned }
}

/**
 * The rules of a user with those for older clients in their places: each behind the rule that took over from it. By these
 * people were mentioned before events said whom they mean: by name in the text. They went out of the specification with
 * version 1.17, but for a room with clients that do not write `m.mentions` they are all there is. They never fit an event
 * that has `m.mentions`. https://github.com/matrix-org/matrix-spec-proposals/pull/4210
 */
export function withLegacyMentions(rules: PushRuleset, userId: UserId): PushRuleset {
  const override = rules.override.flatMap((rule) => {
    if (rule.rule_id === '.m.rule.is_user_mention') return [rule, containsDisplayName]
    return rule.rule_id === '.m.rule.is_room_mention' ? [rule, roomNotification] : [rule]
  })
  return { ...rules, override, content: [...rules.content, containsUserName(userId)] }
}
