import { canonicalJson, quoted } from './canonical-json.ts'
import { sha256Base64, sha256Base64Url, sign, unpaddedBase64 } from './crypto.ts'
import type { SigningKey } from './signing-keys.ts'
import { MatrixError } from './errors.ts'
import type { Event } from './event.ts'
import { eventIdOfText, roomIdOfCreate } from './hashes.ts'
import { identifierBytesMax, type EventId, type RoomId, type ServerName, type UserId } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { redactContent } from './redaction.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { utf8LengthAtMost } from './utf8.ts'

/** Largest event, in bytes of its canonical JSON with hashes and signatures. https://spec.matrix.org/v1.19/client-server-api/#size-limits */
export const eventBytesMax = 65_536
/** https://spec.matrix.org/v1.19/rooms/v12/#event-format */
export const authEventsMax = 10
/** https://spec.matrix.org/v1.19/rooms/v12/#event-format */
export const prevEventsMax = 20

/** The greatest depth: from room version 6 on, and before it (2^63-1, as near below as a number comes). */
const depthMax = Number.MAX_SAFE_INTEGER
const looseDepthMax = 2 ** 63 - 1024

/** An event that this server is about to make, without hashes and signatures. */
export interface EventDraft {
  readonly type: string
  readonly sender: UserId
  /** Undefined for the create event of a room whose id is that event's (room version 12). */
  readonly roomId: RoomId | undefined
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** One more than the greatest of the previous events; what is beyond the room version's limit is brought down to it. */
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** Milliseconds since 1970. */
  readonly originServerTs: number
  /** Of a redaction, in any room version: put where the version wants it. */
  readonly redacts?: EventId | undefined
  /** For room versions 1 and 2: the reference hashes, unpadded Base64, of the previous and auth events. */
  readonly referenceHashes?: ReadonlyMap<EventId, string> | undefined
}

/** An event and its canonical JSON as signed, byte for byte: what is stored and sent. */
export interface BuiltEvent {
  readonly event: Event
  readonly text: string
}

/**
 * Makes an event of a draft: puts it in the version's form, hashes and signs it. Throws M_TOO_LARGE over the size
 * limits of the specification and M_BAD_JSON for content that canonical JSON cannot carry, whatever the room version.
 * The content is written once and every other member only once; hashes and signatures are spliced into the text.
 * https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
export function buildEvent(
  wanted: EventDraft,
  rules: RoomVersionRules,
  serverName: ServerName,
  key: SigningKey,
): BuiltEvent {
  checkIdentifiers(wanted, rules)
  const limit = rules.strictCanonicalJson ? depthMax : looseDepthMax
  const draft = wanted.depth > limit ? { ...wanted, depth: limit } : wanted
  const content = contentOf(draft, rules)
  const members = membersOf(draft, rules)

  const contentText = canonicalJson(content)
  // Members that redaction removes stand in `redacts` alone; the rest of the text is the same for all three uses.
  const unhashed = `${members.beforeContent}${contentText}${members.beforeEventId}`
  const assignedId = rules.eventIds === 'assigned' ? newEventId(unhashed + members.afterHashes, serverName) : undefined
  const idText = assignedId === undefined ? '' : `"event_id":${quoted(assignedId)},`
  const { afterHashes, redacts, afterRedacts, afterSignatures } = members

  const hash = sha256Base64(unhashed + idText + afterHashes + redacts + afterRedacts + afterSignatures)
  const hashes = `"hashes":{"sha256":"${hash}"},`
  const redactedContent = canonicalJson(redactContent(draft.type, content, rules))
  const essential =
    members.beforeContent +
    redactedContent +
    members.beforeEventId +
    idText +
    hashes +
    afterHashes +
    afterRedacts +
    afterSignatures
  const signature = unpaddedBase64(sign(essential, key.secretKey))
  const signatures = `"signatures":{${quoted(serverName)}:{${quoted(key.keyId)}:"${signature}"}},`
  const text = unhashed + idText + hashes + afterHashes + redacts + afterRedacts + signatures + afterSignatures
  if (!utf8LengthAtMost(text, eventBytesMax)) {
    throw new MatrixError(
      'M_TOO_LARGE',
      `The event is too large: with its signature it has over ${eventBytesMax} bytes`,
    )
  }

  const eventId = assignedId ?? eventIdOfText(essential, rules)
  const event: Event = {
    eventId,
    roomId: draft.roomId ?? roomIdOfCreate(eventId),
    type: draft.type,
    sender: draft.sender,
    stateKey: draft.stateKey,
    content,
    depth: draft.depth,
    originServerTs: draft.originServerTs,
    authEvents: draft.authEvents,
    prevEvents: draft.prevEvents,
    pdu: pduOf(draft, rules, {
      content,
      ...(assignedId === undefined ? {} : { event_id: assignedId }),
      hashes: { sha256: hash },
      signatures: { [serverName]: { [key.keyId]: signature } },
    }),
  }
  return { event, text }
}

function checkIdentifiers(draft: EventDraft, rules: RoomVersionRules): void {
  const idIsMade = rules.roomIdIsCreateId && draft.type === 'm.room.create'
  if ((draft.roomId === undefined) !== idIsMade) throw new TypeError('an event has a room id unless it makes it')
  for (const [name, value] of [
    ['type', draft.type],
    ['state_key', draft.stateKey],
    ['sender', draft.sender],
    ['room_id', draft.roomId],
  ] as const) {
    if (value !== undefined && !utf8LengthAtMost(value, identifierBytesMax)) {
      throw new MatrixError('M_TOO_LARGE', `${name} is too long: it may have at most ${identifierBytesMax} bytes`)
    }
  }
  if (draft.authEvents.length > authEventsMax || draft.prevEvents.length > prevEventsMax) {
    throw new RangeError(`an event has at most ${authEventsMax} auth events and ${prevEventsMax} previous events`)
  }
}

function contentOf(draft: EventDraft, rules: RoomVersionRules): JsonObject {
  if (draft.redacts === undefined || !rules.redactsInContent) return draft.content
  return { ...draft.content, redacts: draft.redacts }
}

/** The text of all members but content, event id, hashes and signatures, cut where those and `redacts` belong. */
function membersOf(draft: EventDraft, rules: RoomVersionRules) {
  const redactsAtTop = draft.redacts !== undefined && !rules.redactsInContent
  const roomId = draft.roomId === undefined ? '' : `"room_id":${quoted(draft.roomId)},`
  return {
    beforeContent: `{"auth_events":${referencesText(draft.authEvents, draft, rules)},"content":`,
    beforeEventId: `,"depth":${canonicalJson(draft.depth, rules.strictCanonicalJson)},`,
    afterHashes:
      `"origin_server_ts":${canonicalJson(draft.originServerTs)},` +
      `"prev_events":${referencesText(draft.prevEvents, draft, rules)},`,
    redacts: redactsAtTop ? `"redacts":${quoted(draft.redacts)},` : '',
    afterRedacts: `${roomId}"sender":${quoted(draft.sender)},`,
    afterSignatures:
      draft.stateKey === undefined
        ? `"type":${quoted(draft.type)}}`
        : `"state_key":${quoted(draft.stateKey)},"type":${quoted(draft.type)}}`,
  }
}

/** Event ids are ASCII without anything to escape, except old ones: those go the long way. */
function referencesText(ids: readonly EventId[], draft: EventDraft, rules: RoomVersionRules): string {
  if (rules.eventReferences === 'pairs') return canonicalJson(referencesOf(ids, draft, rules))
  return ids.length === 0 ? '[]' : `["${ids.join('","')}"]`
}

function referencesOf(ids: readonly EventId[], draft: EventDraft, rules: RoomVersionRules): JsonValue {
  if (rules.eventReferences === 'ids') return ids
  return ids.map((id) => {
    const hash = draft.referenceHashes?.get(id)
    return [id, hash === undefined ? {} : { sha256: hash }]
  })
}

/** Room versions 1 and 2 want an id that is new on this server: the hash of everything the event says will be. */
function newEventId(text: string, serverName: ServerName): EventId {
  return `$${sha256Base64Url(text)}:${serverName}` as EventId
}

function pduOf(draft: EventDraft, rules: RoomVersionRules, made: JsonObject): JsonObject {
  return {
    auth_events: referencesOf(draft.authEvents, draft, rules),
    depth: draft.depth,
    origin_server_ts: draft.originServerTs,
    prev_events: referencesOf(draft.prevEvents, draft, rules),
    ...(draft.redacts === undefined || rules.redactsInContent ? {} : { redacts: draft.redacts }),
    ...(draft.roomId === undefined ? {} : { room_id: draft.roomId }),
    sender: draft.sender,
    ...(draft.stateKey === undefined ? {} : { state_key: draft.stateKey }),
    type: draft.type,
    ...made,
  }
}
