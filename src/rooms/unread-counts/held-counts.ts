import { LruCache } from '#base/lru-cache.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import { readSince } from '#storage/unread-counts.ts'
import type { Streams } from '#streams/streams.ts'
import type { Timeline } from '../timeline.ts'
import { countedEvents } from './count.ts'
import type { EventFacts } from './event-facts.ts'
import type { FactsInMemory } from './facts-in-memory.ts'
import type { LoadedCounts, Look } from './load-counts.ts'
import { readHidden } from './read-facts.ts'
import { countOn, unsettle, type Reader, type Tallies } from './tallies.ts'
import { withReceipts } from './with-receipts.ts'

/** Readers of rooms whose counts stay in memory. */
const readersMax = 50_000

/** What somebody has unread in a room, as of a position. */
interface Held {
  readonly reader: Reader
  readonly tallies: Tallies
  readonly upTo: number
  /** Receipts are taken in up to this position of their stream. */
  readonly receiptsUpTo: number
  readonly generation: number
}

/** Where memory stands, so that what was read before something changed is not kept after it. */
export interface Mark {
  readonly receiptsUpTo: number
  readonly generation: number
}

/** What the readers of rooms have unread, in memory: who follows a room counts each event once, and asks for nothing. */
export class HeldCounts {
  readonly #database: Database
  readonly #streams: Streams
  readonly #timeline: Pick<Timeline, 'held'>
  readonly #facts: FactsInMemory
  readonly #held = new LruCache<string, Held>(readersMax, 'unread_counts')
  /** Everything of a room that was held before it was forgotten is not held any more. */
  readonly #forgotten = new Map<number, number>()
  #generation = 0

  constructor(deps: {
    readonly database: Database
    readonly streams: Streams
    readonly timeline: Pick<Timeline, 'held'>
    readonly facts: FactsInMemory
  }) {
    this.#database = deps.database
    this.#streams = deps.streams
    this.#timeline = deps.timeline
    this.#facts = deps.facts
  }

  /** To be asked for before something is read that is to be kept. */
  mark(): Mark {
    return { receiptsUpTo: this.#streams.receipts.position, generation: this.#generation }
  }

  /** Keeps what was read since a mark. */
  keep(userId: UserId, { roomNid, reader, tallies, upTo }: LoadedCounts, mark: Mark): void {
    if (mark.generation === this.#generation)
      this.#held.set(nameOf(userId, roomNid), { ...mark, reader, tallies, upTo })
  }

  /** Forgets what a user has unread in rooms. */
  forget(userId: UserId, roomNids: readonly number[]): void {
    this.#generation++
    for (const roomNid of roomNids) this.#held.delete(nameOf(userId, roomNid))
  }

  /** Forgets what everybody has unread in a room. */
  forgetRoom(roomNid: number): void {
    this.#forgotten.set(roomNid, ++this.#generation)
  }

  /**
   * What is in memory of the rooms, with receipts and events since taken in; rooms of which that cannot be are left out.
   * No query but for the user's own receipts, and for events at which a room is not as it was.
   */
  async of(look: Look): Promise<ReadonlyMap<number, Tallies>> {
    const held = await this.#withReceipts(look)
    const rows: EventRow[] = []
    for (const [roomNid, each] of held) {
      if (each.upTo >= look.upTo || !this.#streams.events.roomChangedSince(roomNid, each.upTo)) continue
      const news = this.#timeline.held(roomNid, { after: each.upTo, upTo: look.upTo })
      if (news === undefined) held.delete(roomNid)
      else rows.push(...news)
    }
    const facts = rows.length === 0 ? new Map<number, EventFacts>() : await this.#facts.of(rows, look.rooms)
    const hidden = await this.#hidden(look.userId, facts)
    const events = countedEvents(rows, facts)
    const tallies = new Map<number, Tallies>()
    for (const [roomNid, each] of held) {
      const news = (events.get(roomNid) ?? []).filter((event) => event.facts.position > each.upTo)
      if (unsettle(news, each)) {
        this.#held.delete(nameOf(look.userId, roomNid))
        continue
      }
      const reader = hidden.size === 0 ? each.reader : { ...each.reader, hidden }
      const after = countOn(each.tallies, news, reader)
      tallies.set(roomNid, after)
      const next = { ...each, tallies: after, upTo: Math.max(each.upTo, look.upTo) }
      if (each.upTo < look.upTo) this.#replace(look.userId, roomNid, { from: each, to: next })
    }
    return tallies
  }

  /** What is in memory of the rooms by the settings of now, with the user's receipts since. One query when there were any. */
  async #withReceipts({ userId, settings, rooms }: Look): Promise<Map<number, Held>> {
    const { receipts } = this.#streams
    const held = new Map<number, Held>()
    let oldest = Infinity
    for (const roomNid of rooms.keys()) {
      const each = this.#held.get(nameOf(userId, roomNid))
      if (each === undefined || each.reader.settings !== settings) continue
      if (each.generation < (this.#forgotten.get(roomNid) ?? 0)) continue
      held.set(roomNid, each)
      if (receipts.userChangedSince(userId, each.receiptsUpTo)) oldest = Math.min(oldest, each.receiptsUpTo)
    }
    if (oldest === Infinity) return held
    const receiptsUpTo = receipts.position
    const read = await this.#database.runInteraction('own_receipts_since', (txn) => readSince(txn, userId, oldest), {
      readOnly: true,
    })
    const byRoom = Map.groupBy(read, (row) => row.roomNid)
    for (const [roomNid, each] of held) {
      const after = withReceipts(each, byRoom.get(roomNid) ?? [])
      if (after === undefined) {
        this.#held.delete(nameOf(userId, roomNid))
        held.delete(roomNid)
        continue
      }
      const next = { ...each, ...after, receiptsUpTo: Math.max(each.receiptsUpTo, receiptsUpTo) }
      this.#replace(userId, roomNid, { from: each, to: next })
      held.set(roomNid, next)
    }
    return held
  }

  async #hidden(userId: UserId, facts: ReadonlyMap<number, EventFacts>): Promise<ReadonlySet<number>> {
    const asked = [...facts.values()].filter((each) => each.isRestricted)
    if (asked.length === 0) return new Set()
    const hidden = await this.#database.runInteraction('unread_hidden', (txn) => readHidden(txn, asked, [userId]), {
      readOnly: true,
    })
    return hidden.get(userId) ?? new Set()
  }

  /** Holds something else, unless what it was made of is no longer what is held. */
  #replace(userId: UserId, roomNid: number, change: { readonly from: Held; readonly to: Held }): void {
    const name = nameOf(userId, roomNid)
    if (this.#held.get(name) === change.from) this.#held.set(name, change.to)
  }
}

function nameOf(userId: UserId, roomNid: number): string {
  return `${userId} ${roomNid}`
}
