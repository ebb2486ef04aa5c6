import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** Keys that redaction keeps: at the top of the event, and in the content by event type. */
interface Kept {
  readonly top: readonly string[]
  readonly content: ReadonlyMap<string, readonly string[] | 'all'>
  /** Of a member event's `third_party_invite`, `signed` alone is kept. */
  readonly signedInvite: boolean
}

const topSince11 = [
  'event_id',
  'type',
  'room_id',
  'sender',
  'state_key',
  'content',
  'hashes',
  'signatures',
  'depth',
  'prev_events',
  'auth_events',
  'origin_server_ts',
]

const powerLevels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']

const since1: Kept = {
  top: [...topSince11, 'prev_state', 'origin', 'membership'],
  content: new Map([
    ['m.room.member', ['membership']],
    ['m.room.create', ['creator']],
    ['m.room.join_rules', ['join_rule']],
    ['m.room.power_levels', powerLevels],
    ['m.room.aliases', ['aliases']],
    ['m.room.history_visibility', ['history_visibility']],
  ]),
  signedInvite: false,
}

/** Version 6: aliases are an event like any other. https://spec.matrix.org/v1.19/rooms/v6/#redactions */
const since6: Kept = {
  ...since1,
  content: new Map([...since1.content].filter(([type]) => type !== 'm.room.aliases')),
}

/** Version 8: who may join a restricted room stays. https://spec.matrix.org/v1.19/rooms/v8/#redactions */
const since8: Kept = {
  ...since6,
  content: new Map([...since6.content, ['m.room.join_rules', ['join_rule', 'allow']]]),
}

/** Version 9: so does who let a member in. https://spec.matrix.org/v1.19/rooms/v9/#redactions */
const since9: Kept = {
  ...since8,
  content: new Map([...since8.content, ['m.room.member', ['membership', 'join_authorised_via_users_server']]]),
}

/** Version 11: three old keys go, some content stays. https://spec.matrix.org/v1.19/rooms/v11/#redactions */
const since11: Kept = {
  top: topSince11,
  content: new Map<string, readonly string[] | 'all'>([
    ...since9.content,
    ['m.room.create', 'all'],
    ['m.room.power_levels', [...powerLevels, 'invite']],
    ['m.room.redaction', ['redacts']],
  ]),
  signedInvite: true,
}

const sets = { 1: since1, 6: since6, 8: since8, 9: since9, 11: since11 } as const

/** What redaction keeps of an event of this type: its keys, the keys of its content, and of an invite what was signed. */
export function keptByRedaction(
  type: unknown,
  rules: RoomVersionRules,
): { readonly top: readonly string[]; readonly content: readonly string[] | 'all'; readonly signedInvite: boolean } {
  const { top, content, signedInvite } = sets[rules.redaction]
  return {
    top,
    content: (typeof type === 'string' ? content.get(type) : undefined) ?? [],
    signedInvite: signedInvite && type === 'm.room.member',
  }
}

/**
 * The event as redaction leaves it: only the keys that servers need to agree about. Idempotent; the given event is
 * not changed, and what is kept whole is shared with it.
 * https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
export function redact(pdu: JsonObject, rules: RoomVersionRules): JsonObject {
  const result: Record<string, JsonValue> = {}
  for (const key of sets[rules.redaction].top) {
    const value = Object.hasOwn(pdu, key) ? pdu[key] : undefined
    if (value !== undefined) result[key] = value
  }
  result['content'] = redactContent(pdu['type'], pdu['content'], rules)
  return result
}

/** The content that redaction leaves of an event of this type: often nothing. */
export function redactContent(type: unknown, content: unknown, rules: RoomVersionRules): JsonObject {
  const set = sets[rules.redaction]
  const kept = typeof type === 'string' ? set.content.get(type) : undefined
  if (kept === undefined || !isJsonObject(content)) return {}
  if (kept === 'all') return content
  const result: Record<string, JsonValue> = {}
  for (const key of kept) {
    const value = Object.hasOwn(content, key) ? content[key] : undefined
    if (value !== undefined) result[key] = value
  }
  if (set.signedInvite && type === 'm.room.member' && Object.hasOwn(content, 'third_party_invite')) {
    const invite = content['third_party_invite']
    // An invitation without `signed` stays as an empty object: that is how other servers hash such an event.
    if (isJsonObject(invite)) {
      const signed = invite['signed']
      result['third_party_invite'] = signed === undefined ? {} : { signed }
    }
  }
  return result
}

/**
 * The id of the event that a redaction names, as text, or undefined: not a redaction, or nothing named.
 * https://spec.matrix.org/v1.19/rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
 */
export function redactedEventIdOf(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (pdu['type'] !== 'm.room.redaction') return undefined
  const holder = rules.redactsInContent ? pdu['content'] : pdu
  const redacts = isJsonObject(holder) ? holder['redacts'] : undefined
  return typeof redacts === 'string' ? redacts : undefined
}
