import type { UserId } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** The kinds of rules, from the one that counts most to the one that counts least. */
export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const

export type PushRuleKind = (typeof pushRuleKinds)[number]

/** A push rule as clients and servers write it. https://spec.matrix.org/v1.19/client-server-api/#push-rules */
export interface PushRule {
  readonly rule_id: string
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly JsonValue[]
  /** Of override and underride rules. */
  readonly conditions?: readonly JsonObject[]
  /** Of content rules. */
  readonly pattern?: string
}

/** The rules of a user, each kind in the order in which its rules are tried. */
export type PushRuleset = Readonly<Record<PushRuleKind, readonly PushRule[]>>

/** What a user has changed about a rule that is there by default. */
export interface PushRuleChange {
  readonly enabled?: boolean | undefined
  readonly actions?: readonly JsonValue[] | undefined
}

const matchEvent = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })
const matchType = (type: string): JsonObject => matchEvent('type', type)
const twoMembers: JsonObject = { kind: 'room_member_count', is: '2' }
const sound = (value: string): JsonObject => ({ set_tweak: 'sound', value })
const highlight: JsonObject = { set_tweak: 'highlight' }

function rule(name: string, conditions: readonly JsonObject[], actions: readonly JsonValue[]): PushRule {
  return { rule_id: `.m.rule.${name}`, default: true, enabled: true, conditions, actions }
}

/** The rule that turns all others off; the only one that goes before a user's own. */
const master: PushRule = { ...rule('master', [], []), enabled: false }

/** https://spec.matrix.org/v1.19/client-server-api/#default-override-rules */
function defaultOverrides(userId: UserId): PushRule[] {
  return [
    rule('suppress_notices', [matchEvent('content.msgtype', 'm.notice')], []),
    rule(
      'invite_for_me',
      [matchType('m.room.member'), matchEvent('content.membership', 'invite'), matchEvent('state_key', userId)],
      ['notify', sound('default')],
    ),
    rule('member_event', [matchType('m.room.member')], []),
    rule(
      'is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      ['notify', sound('default'), highlight],
    ),
    rule(
      'is_room_mention',
      [
        { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
        { kind: 'sender_notification_permission', key: 'room' },
      ],
      ['notify', highlight],
    ),
    rule('tombstone', [matchType('m.room.tombstone'), matchEvent('state_key', '')], ['notify', highlight]),
    rule('reaction', [matchType('m.reaction')], []),
    rule('room.server_acl', [matchType('m.room.server_acl'), matchEvent('state_key', '')], []),
    rule(
      'suppress_edits',
      [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }],
      [],
    ),
  ]
}

/** https://spec.matrix.org/v1.19/client-server-api/#default-underride-rules */
const defaultUnderrides: readonly PushRule[] = [
  rule('call', [matchType('m.call.invite')], ['notify', sound('ring')]),
  rule('encrypted_room_one_to_one', [twoMembers, matchType('m.room.encrypted')], ['notify', sound('default')]),
  rule('room_one_to_one', [twoMembers, matchType('m.room.message')], ['notify', sound('default')]),
  rule('message', [matchType('m.room.message')], ['notify']),
  rule('encrypted', [matchType('m.room.encrypted')], ['notify']),
]

/**
 * The rules of a user who has changed nothing: the 15 of the specification, as the `global` of `m.push_rules`.
 * https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export function defaultPushRules(userId: UserId): PushRuleset {
  return {
    override: [master, ...defaultOverrides(userId)],
    content: [],
    room: [],
    sender: [],
    underride: defaultUnderrides,
  }
}

/**
 * The rules of a user: own ones, in their order, before those there by default, but after `.m.rule.master`; and the
 * latter as the user changed them, by rule id.
 * https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export function pushRulesOf(
  userId: UserId,
  own: Readonly<Partial<Record<PushRuleKind, readonly PushRule[]>>>,
  changes: ReadonlyMap<string, PushRuleChange>,
): PushRuleset {
  const changed = (each: PushRule): PushRule => {
    const change = changes.get(each.rule_id)
    if (change === undefined) return each
    return { ...each, enabled: change.enabled ?? each.enabled, actions: change.actions ?? each.actions }
  }
  return {
    override: [changed(master), ...(own.override ?? []), ...defaultOverrides(userId).map(changed)],
    content: own.content ?? [],
    room: own.room ?? [],
    sender: own.sender ?? [],
    underride: [...(own.underride ?? []), ...defaultUnderrides.map(changed)],
  }
}
