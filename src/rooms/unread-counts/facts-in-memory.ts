import { LruCache } from '#base/lru-cache.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import { factsOf, ownThread, readEvent, type EventFacts, type Moment } from './event-facts.ts'
import { readFacts } from './read-facts.ts'

/** Events of which what is known stays in memory, and rooms of which it is known what they are like now. */
const eventsMax = 1_000
const roomsMax = 10_000

/** The facts of an event, as far as memory has them; always the same for the same event. */
export type Recall = (eventNid: number) => EventFacts | undefined

/**
 * What is known of the newest events of rooms, found out once for all who read them. An event whose room is as it was at
 * the event before needs no query.
 */
export class FactsInMemory {
  readonly #database: Database
  readonly #serverName: ServerName
  readonly #facts = new LruCache<number, EventFacts>(eventsMax, 'unread_event_facts')
  readonly #moments = new LruCache<number, Moment>(roomsMax)
  /** Rows that are being read, by their events: a hundred polls that are woken by one event ask once. */
  readonly #reading = new Map<number, Promise<void>>()

  constructor(deps: { readonly database: Database; readonly serverName: ServerName }) {
    this.#database = deps.database
    this.#serverName = deps.serverName
  }

  /**
   * Gives the facts of events, if they are in memory, to one interaction: what it has been told of an event it is told
   * again, whatever memory has taken in or forgotten meanwhile, so that its body may be run again.
   */
  recall(): Recall {
    const told = new Map<number, EventFacts | undefined>()
    return (eventNid) => {
      if (!told.has(eventNid)) told.set(eventNid, this.#facts.get(eventNid))
      return told.get(eventNid)
    }
  }

  /** Takes in what was read elsewhere. */
  remember(facts: Iterable<EventFacts>, moments: ReadonlyMap<number, Moment>): void {
    for (const each of facts) this.#facts.set(each.eventNid, each)
    for (const [roomNid, moment] of moments) this.#moments.set(roomNid, moment)
  }

  /** The facts of events of these rooms. One query at most for all that are not in memory. */
  async of(rows: readonly EventRow[], rooms: ReadonlyMap<number, Room>): Promise<ReadonlyMap<number, EventFacts>> {
    const found = new Map<number, EventFacts>()
    const unknown: EventRow[] = []
    const awaited: Promise<void>[] = []
    for (const row of rows) {
      const known = this.#facts.get(row.eventNid) ?? this.#ofNext(row, rooms)
      const reading = this.#reading.get(row.eventNid)
      if (known !== undefined) found.set(row.eventNid, known)
      else if (reading === undefined) unknown.push(row)
      else awaited.push(reading)
    }
    if (unknown.length === 0 && awaited.length === 0) return found
    if (unknown.length > 0) awaited.push(this.#read(unknown, rooms, found))
    await Promise.all(awaited)
    for (const row of rows) {
      const known = found.get(row.eventNid) ?? this.#facts.get(row.eventNid)
      if (known !== undefined) found.set(row.eventNid, known)
    }
    return found
  }

  /** The facts of an event at which the room is as it was at one before, and which names its own thread. */
  #ofNext(row: EventRow, rooms: ReadonlyMap<number, Room>): EventFacts | undefined {
    const moment = this.#moments.get(row.roomNid)
    const room = rooms.get(row.roomNid)
    if (moment === undefined || room === undefined || moment.stateNid !== row.stateBefore) return undefined
    if (row.type === 'm.room.redaction') return undefined
    const event = readEvent(row)
    const threadId = ownThread(event)
    if (threadId === undefined) return undefined
    const facts = factsOf(event, room, this.#serverName, { moment, threadId })
    this.#facts.set(row.eventNid, facts)
    return facts
  }

  async #read(
    rows: readonly EventRow[],
    rooms: ReadonlyMap<number, Room>,
    found: Map<number, EventFacts>,
  ): Promise<void> {
    const basis = { rooms, serverName: this.#serverName }
    const read = this.#database
      .runInteraction('unread_facts', (txn) => readFacts(txn, rows, basis), { readOnly: true })
      .then(({ facts, moments }) => {
        this.remember(facts.values(), moments)
        for (const [eventNid, each] of facts) found.set(eventNid, each)
      })
      .finally(() => {
        for (const row of rows) this.#reading.delete(row.eventNid)
      })
    for (const row of rows) this.#reading.set(row.eventNid, read)
    return read
  }
}
