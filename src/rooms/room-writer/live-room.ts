import type { NumberMap } from '#base/number-map.ts'
import { authEventKeys } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '../known-rooms.ts'
import type { NodePath } from '../room-state/node-path.ts'
import type { ProposedEvent } from './proposed-event.ts'

/** What the next event of a room will follow. */
export interface Extremity {
  readonly eventNid: number
  readonly eventId: EventId
  readonly depth: number
  readonly stateNid: number
  /** The event itself, which room versions 1 and 2 hash again when they name it. */
  readonly pdu: JsonObject
}

/** The key under which an auth event is kept in memory. */
export function stateKeyText(type: string, stateKey: string): string {
  return `${type}\0${stateKey}`
}

/**
 * The memory that a room's writer works on. It runs ahead of the disk: it holds the room as it will be when everything
 * handed to the database is committed. When a commit fails it is thrown away and read again.
 */
export interface LiveRoom {
  room: Room
  /** Set once what this memory holds can no longer come true. */
  failed: boolean
  /** The state after the latest event: key nid → event nid. */
  readonly state: NumberMap
  path: NodePath
  extremities: readonly Extremity[]
  /** Those of the state's events that authorize others, parsed; undefined for a key that the state does not have. */
  readonly authEvents: Map<string, Event | undefined>
  /** Their integer ids. */
  readonly authNids: Map<EventId, number>
  /** How much others have written to the room since this memory is there, and how much of it has been caught up with. */
  received: number
  caughtUp: number
  /** The keys of the state that others have changed since it was last caught up with. */
  readonly changedKeys: Set<number>
}

/** Parsed events that one room keeps for authorizing others: most of them members who have just spoken. */
const authEventsMax = 2_000

/** Keeps a parsed event of the state for authorizing others, and lets the one kept longest go if there are too many. */
export function keepAuthEvent(
  live: LiveRoom,
  text: string,
  event: Event | undefined,
  eventNid: number | undefined,
): void {
  const replaced = live.authEvents.get(text)
  if (replaced !== undefined) live.authNids.delete(replaced.eventId)
  live.authEvents.delete(text)
  live.authEvents.set(text, event)
  if (event !== undefined && eventNid !== undefined) live.authNids.set(event.eventId, eventNid)
  for (const [oldest, old] of live.authEvents) {
    if (live.authEvents.size <= authEventsMax) return
    // What nobody is, every event looks at: it stays.
    if (old !== undefined && old.type !== 'm.room.member') continue
    live.authEvents.delete(oldest)
    if (old !== undefined) live.authNids.delete(old.eventId)
  }
}

/** Forgets what authorizes under a key: another event stands there now. */
export function forgetAuthEvent(live: LiveRoom, text: string): void {
  const old = live.authEvents.get(text)
  live.authEvents.delete(text)
  if (old !== undefined) live.authNids.delete(old.eventId)
}

/** The keys of the state that the rules will look at and that are not in memory yet. */
export function missingAuthKeys(live: LiveRoom, proposed: ProposedEvent): (readonly [string, string])[] {
  const keys: (readonly [string, string])[] = [...authEventKeys(proposed, live.room.version), ['m.room.create', '']]
  return keys.filter(([type, stateKey]) => !live.authEvents.has(stateKeyText(type, stateKey)))
}
