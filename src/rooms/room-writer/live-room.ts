import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '../known-rooms.ts'
import type { NodePath } from '../room-state/node-path.ts'

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
  readonly state: Map<number, number>
  readonly path: NodePath
  extremities: readonly Extremity[]
  /** Those of the state's events that authorize others, parsed; undefined for a key that the state does not have. */
  readonly authEvents: Map<string, Event | undefined>
  /** Their integer ids. */
  readonly authNids: Map<EventId, number>
}
