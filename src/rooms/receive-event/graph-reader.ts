import type { Event } from '#protocol/event.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'

/** An event with its row. */
export interface LoadedEvent {
  readonly row: EventRow
  readonly event: Event
}

/** Events of a room, brought into memory for one decision. */
export class GraphReader {
  readonly #txn: Transaction
  readonly #room: Room
  readonly #loaded = new Map<number, LoadedEvent>()
  readonly #byId = new Map<EventId, LoadedEvent>()

  constructor(txn: Transaction, room: Room) {
    this.#txn = txn
    this.#room = room
  }

  /** The events with these integer ids; one query for those that are not in memory yet. */
  async load(eventNids: Iterable<number>): Promise<LoadedEvent[]> {
    const wanted = [...eventNids]
    const missing = wanted.filter((nid) => !this.#loaded.has(nid))
    if (missing.length > 0) this.add(await eventsByNids(this.#txn, missing))
    return wanted.flatMap((nid) => this.#loaded.get(nid) ?? [])
  }

  /** Takes in events that have been read already. */
  add(rows: readonly EventRow[]): void {
    for (const row of rows) {
      const loaded = { row, event: parseEvent(row.json, this.#room.version, parseEventId(row.eventId)) }
      this.#loaded.set(row.eventNid, loaded)
      this.#byId.set(loaded.event.eventId, loaded)
    }
  }

  /** The Matrix ids of those of these events that are in memory. */
  ids(eventNids: Iterable<number>): EventId[] {
    return [...eventNids].flatMap((nid) => this.#loaded.get(nid)?.event.eventId ?? [])
  }

  /** An event in memory, by its integer id. */
  byNid(eventNid: number): LoadedEvent | undefined {
    return this.#loaded.get(eventNid)
  }

  /** An event in memory. */
  readonly byId = (eventId: EventId): LoadedEvent | undefined => this.#byId.get(eventId)
}
