import { parseUserId, serverNameOf, type ServerName, type UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { PowerLevels } from '#protocol/power-levels.ts'
import { PushEvaluator } from '#protocol/push-evaluation.ts'
import type { EventRow } from '#storage/events.ts'
import type { Room } from '../known-rooms.ts'
import { mainThread } from './tallies.ts'

/** What a room is like at a state. */
export interface Moment {
  readonly stateNid: number | null
  readonly powers: PowerLevels
  /** Everybody who is joined may read what is said, whenever they came. */
  readonly isOpen: boolean
  /** How many are joined. */
  readonly joined: number
}

/** What has to be known of an event to say for whom it counts, apart from the reader. */
export interface EventFacts {
  readonly eventNid: number
  readonly roomNid: number
  readonly position: number
  readonly sender: UserId
  readonly threadId: string
  readonly isState: boolean
  /** Who sends it has read the thread: not so of state, which the server sends for its users too, and of redactions. */
  readonly isSaid: boolean
  /** Of a member event: whose. */
  readonly memberId: string | undefined
  /** Of a redaction: the position of what it redacts, when that is redacted. */
  readonly redactsAt: number | undefined
  /** The names of its readers are looked for in its text. */
  readonly isSearched: boolean
  /** Who may see it has to be asked for each reader: it comes from elsewhere, perhaps from before they joined. */
  readonly isRestricted: boolean
  readonly stateBefore: number | null
  readonly stateAfter: number | null
  readonly evaluator: PushEvaluator
}

/** A stored event, read. */
export interface ReadEvent {
  readonly row: EventRow
  readonly pdu: JsonObject
  /** To what it relates, and how. */
  readonly relation: { readonly relType: string; readonly eventId: string } | undefined
}

/** Reads the text of a stored event. */
export function readEvent(row: EventRow): ReadEvent {
  const parsed: unknown = JSON.parse(row.json)
  const pdu = isJsonObject(parsed) ? parsed : {}
  return { row, pdu, relation: row.keyNid === null ? relationIn(pdu['content']) : undefined }
}

function relationIn(content: unknown): ReadEvent['relation'] {
  const relation = isJsonObject(content) ? content['m.relates_to'] : undefined
  if (!isJsonObject(relation)) return undefined
  const { rel_type: relType, event_id: eventId } = relation
  return typeof relType === 'string' && typeof eventId === 'string' ? { relType, eventId } : undefined
}

/** The thread of an event, when it says so itself; undefined when what it relates to has to be looked up. */
export function ownThread({ relation }: ReadEvent): string | undefined {
  if (relation === undefined) return mainThread
  return relation.relType === 'm.thread' ? relation.eventId : undefined
}

/** The event that a redaction names. */
export function redactedId({ row, pdu }: ReadEvent): string | undefined {
  if (row.type !== 'm.room.redaction') return undefined
  const content = pdu['content']
  const id = pdu['redacts'] ?? (isJsonObject(content) ? content['redacts'] : undefined)
  return typeof id === 'string' ? id : undefined
}

/** Puts together what is known of an event. `known`: what had to be looked up. */
export function factsOf(
  event: ReadEvent,
  room: Room,
  serverName: ServerName,
  known: { readonly moment: Moment; readonly threadId: string; readonly redactsAt?: number | undefined },
): EventFacts {
  const { row, pdu } = event
  const { moment } = known
  const sender = parseUserId(String(pdu['sender']))
  const content = isJsonObject(pdu['content']) ? pdu['content'] : {}
  const isState = row.keyNid !== null
  const stateKey = pdu['state_key']
  return {
    eventNid: row.eventNid,
    roomNid: row.roomNid,
    position: row.streamPosition ?? 0,
    sender,
    threadId: known.threadId,
    isState,
    isSaid: !isState && row.type !== 'm.room.redaction',
    memberId: row.type === 'm.room.member' && typeof stateKey === 'string' ? stateKey : undefined,
    redactsAt: known.redactsAt,
    isSearched: typeof content['body'] === 'string' && content['m.mentions'] === undefined,
    isRestricted: !moment.isOpen && serverNameOf(sender) !== serverName,
    stateBefore: row.stateBefore,
    stateAfter: row.stateAfter,
    evaluator: new PushEvaluator({
      // From room version 12 on, a create event does not name its room.
      event: { ...pdu, room_id: room.roomId },
      memberCount: moment.joined,
      senderLevel: moment.powers.user(sender),
      notificationLevel: (name) => moment.powers.notification(name),
    }),
  }
}
