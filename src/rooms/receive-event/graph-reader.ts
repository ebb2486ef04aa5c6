import type { Event } from '#protocol/event.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { edgesOfEvents } from '#storage/event-edges.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'

/** An event with its row. */
export interface LoadedEvent {
  readonly row: EventRow
  readonly event: Event
}

/** Events of a room and what authorizes them, brought into memory for one decision. */
export class GraphReader {
  readonly #txn: Transaction
  readonly #room: Room
  readonly #loaded = new Map<number, LoadedEvent>()
  readonly #byId = new Map<EventId, LoadedEvent>()
  readonly #authNids = new Map<number, readonly number[]>()

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

  /** Reads what authorizes these events, what authorizes that, and so on: a query for each step. */
  async loadChains(eventNids: Iterable<number>): Promise<void> {
    let frontier = [...new Set(eventNids)].filter((nid) => !this.#authNids.has(nid))
    while (frontier.length > 0) {
      const next = new Set<number>()
      for (const { eventNid, authNids } of await edgesOfEvents(this.#txn, frontier)) {
        this.#authNids.set(eventNid, authNids)
        for (const nid of authNids) next.add(nid)
      }
      for (const nid of frontier) if (!this.#authNids.has(nid)) this.#authNids.set(nid, [])
      frontier = [...next].filter((nid) => !this.#authNids.has(nid))
    }
  }

  /** These events and all that authorizes them, of what `loadChains` has read. */
  chain(eventNids: Iterable<number>): Set<number> {
    const chain = new Set(eventNids)
    // A set is walked in the order in which it grows, so that it is its own queue.
    for (const nid of chain) for (const authNid of this.#authNids.get(nid) ?? []) chain.add(authNid)
    return chain
  }

  /** An event in memory. */
  readonly byId = (eventId: EventId): LoadedEvent | undefined => this.#byId.get(eventId)
}
