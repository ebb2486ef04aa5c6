import { MatrixError } from './errors.ts'
import type { Event } from './event.ts'
import { rememberIfInexact } from './exact-text.ts'
import { eventId as idOf, roomIdOfCreate } from './hashes.ts'
import { isEventId, isRoomId, isUserId, type EventId, type RoomId } from './identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import type { RoomVersionRules } from './room-versions.ts'

/**
 * An event of its stored text, which is canonical JSON. With `eventId` at hand (it is stored beside the text) nothing is hashed.
 * Throws M_NOT_JSON or M_BAD_JSON when the text is no event: of stored text that means a damaged database.
 */
export function parseEvent(text: string, rules: RoomVersionRules, eventId?: EventId): Event {
  let pdu: JsonValue
  try {
    pdu = JSON.parse(text) as JsonValue
  } catch {
    throw new MatrixError('M_NOT_JSON', 'The event is not JSON')
  }
  if (isJsonObject(pdu)) rememberIfInexact(pdu, text, rules)
  return eventOfPdu(pdu, rules, eventId)
}

/**
 * An event of a PDU as parsed: checks the types of the members that every event has and reads them once. Whether it
 * keeps to the limits of its room version is `checkEventFormat`'s to say. Throws M_BAD_JSON naming the member.
 * https://spec.matrix.org/v1.19/rooms/v12/#event-format
 */
export function eventOfPdu(pdu: JsonValue, rules: RoomVersionRules, knownId?: EventId): Event {
  if (!isJsonObject(pdu)) throw wrong('the event', 'an object')
  const { type, sender, content, depth } = pdu
  const stateKey = pdu['state_key']
  const originServerTs = pdu['origin_server_ts']
  if (typeof type !== 'string') throw wrong('type', 'a string')
  if (!isUserId(sender)) throw wrong('sender', 'a user id')
  if (stateKey !== undefined && typeof stateKey !== 'string') throw wrong('state_key', 'a string')
  if (!isJsonObject(content)) throw wrong('content', 'an object')
  if (typeof depth !== 'number') throw wrong('depth', 'an integer')
  if (typeof originServerTs !== 'number') throw wrong('origin_server_ts', 'an integer')
  const authEvents = referencesOf(pdu, 'auth_events', rules)
  const prevEvents = referencesOf(pdu, 'prev_events', rules)
  const eventId = knownId ?? idOf(pdu, rules)
  const roomId = roomIdOf(pdu, eventId, rules)
  return { eventId, roomId, type, sender, stateKey, content, depth, originServerTs, authEvents, prevEvents, pdu }
}

function roomIdOf(pdu: JsonObject, eventId: EventId, rules: RoomVersionRules): RoomId {
  const roomId = pdu['room_id']
  if (roomId === undefined && rules.roomIdIsCreateId && pdu['type'] === 'm.room.create') return roomIdOfCreate(eventId)
  if (isRoomId(roomId)) return roomId
  throw wrong('room_id', 'a room id')
}

/** Ids of the events that a member refers to: a list of ids, or in room versions 1 and 2 of pairs that begin with one. */
function referencesOf(pdu: JsonObject, name: string, rules: RoomVersionRules): readonly EventId[] {
  const list = pdu[name]
  if (!Array.isArray(list)) throw wrong(name, 'a list')
  const ids: EventId[] = []
  for (const entry of list as readonly JsonValue[]) {
    const id =
      rules.eventReferences === 'pairs'
        ? Array.isArray(entry)
          ? (entry as readonly JsonValue[])[0]
          : undefined
        : entry
    if (!isEventId(id)) throw wrong(name, rules.eventReferences === 'pairs' ? 'pairs of id and hashes' : 'event ids')
    ids.push(id)
  }
  return ids
}

function wrong(name: string, expected: string): MatrixError {
  return new MatrixError('M_BAD_JSON', `Not an event: ${name} must be ${expected}`)
}
