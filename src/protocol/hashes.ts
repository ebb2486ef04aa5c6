import { canonicalJson } from './canonical-json.ts'
import { bytesOfBase64, sha256, sha256Base64, sha256Base64Url } from './crypto.ts'
import { MatrixError } from './errors.ts'
import { exactTextOf } from './exact-text.ts'
import { isEventId, type EventId, type RoomId } from './identifiers.ts'
import { isJsonObject, type JsonObject } from './json.ts'
import { jsonMembers } from './json-members.ts'
import { redactedText } from './redacted-text.ts'
import { redact } from './redaction.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { signedText } from './signatures.ts'

/**
 * The content hash of an event, as its `hashes.sha256` has it: unpadded Base64 over everything but `unsigned`,
 * `signatures` and `hashes`. Throws M_BAD_JSON when the event cannot be canonical JSON.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
 */
export function contentHash(pdu: JsonObject, rules: RoomVersionRules): string {
  const exact = exactTextOf(pdu)
  if (exact !== undefined) return sha256Base64(withoutMembers(exact, ['hashes', 'signatures', 'unsigned']))
  const bare = { ...pdu, unsigned: undefined, signatures: undefined, hashes: undefined }
  return sha256Base64(canonicalJson(bare, rules.strictCanonicalJson))
}

/** Whether the content hash that the event names is its own. False as well when it names none. */
export function hasRightContentHash(pdu: JsonObject, rules: RoomVersionRules): boolean {
  const hashes = pdu['hashes']
  const named = isJsonObject(hashes) ? hashes['sha256'] : undefined
  const bytes = typeof named === 'string' ? bytesOfBase64(named) : undefined
  if (bytes === undefined || bytes.length !== 32) return false
  const right = bytesOfBase64(contentHash(pdu, rules))
  return right !== undefined && Buffer.compare(right, bytes) === 0
}

/**
 * What an event's signatures cover, and what its reference hash is made over: the redacted event without `signatures`
 * and `unsigned`, as canonical JSON. Throws M_BAD_JSON when the event cannot be canonical JSON.
 */
export function essentialText(pdu: JsonObject, rules: RoomVersionRules): string {
  const exact = exactTextOf(pdu)
  if (exact !== undefined) return withoutMembers(redactedText(exact, rules), ['signatures', 'unsigned'])
  return signedText(redact(pdu, rules), rules.strictCanonicalJson)
}

/** The canonical JSON of an object without some of its members, from its canonical JSON. */
export function withoutMembers(text: string, less: readonly string[]): string {
  const kept = jsonMembers(text).filter(({ key }) => !less.includes(key))
  return `{${kept.map(({ start, end }) => text.slice(start, end)).join(',')}}`
}

/**
 * The reference hash of an event: 32 bytes.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
 */
export function referenceHash(pdu: JsonObject, rules: RoomVersionRules): Uint8Array {
  return sha256(essentialText(pdu, rules))
}

/**
 * The id of an event: the one it carries (room versions 1 and 2), or its reference hash.
 * Throws M_BAD_JSON when it carries none, or cannot be canonical JSON.
 * https://spec.matrix.org/v1.19/rooms/v4/#event-ids
 */
export function eventId(pdu: JsonObject, rules: RoomVersionRules): EventId {
  if (rules.eventIds === 'assigned') {
    const assigned = pdu['event_id']
    if (isEventId(assigned)) return assigned
    throw new MatrixError('M_BAD_JSON', 'The event has no event_id, or one that is no event id')
  }
  return eventIdOfText(essentialText(pdu, rules), rules)
}

/** The id of an event whose essential text is at hand (room versions 3 and later). */
export function eventIdOfText(text: string, rules: RoomVersionRules): EventId {
  return `$${rules.eventIds === 'base64' ? sha256Base64(text) : sha256Base64Url(text)}` as EventId
}

/**
 * The id of the room that a create event makes, where room ids are made so (room version 12).
 * https://spec.matrix.org/v1.19/rooms/v12/#event-format
 */
export function roomIdOfCreate(createEventId: EventId): RoomId {
  return `!${createEventId.slice(1)}` as RoomId
}

/** The id of the create event that a room id of that kind stands for. */
export function createEventIdOf(roomId: RoomId): EventId {
  return `$${roomId.slice(1)}` as EventId
}
