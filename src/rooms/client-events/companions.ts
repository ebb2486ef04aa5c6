import { LruCache } from '#base/lru-cache.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'

/** Events held because others are told with them. */
const companionsMax = 2_000

/** Events that are told inside others: redactions, edits, newest replies, what a state event replaced. */
export class Companions {
  readonly #database: Database
  readonly #rows = new LruCache<number, EventRow>(companionsMax, 'event_companions')
  /** Counts redactions, so that a row read before one is not kept after it. */
  #redactions = 0

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** The events with these integer ids, by them; unknown ones are left out. One query at most. */
  async of(eventNids: Iterable<number>): Promise<Map<number, EventRow>> {
    const rows = new Map<number, EventRow>()
    const missing: number[] = []
    for (const eventNid of new Set(eventNids)) {
      const known = this.#rows.get(eventNid)
      if (known === undefined) missing.push(eventNid)
      else rows.set(eventNid, known)
    }
    if (missing.length === 0) return rows
    const before = this.#redactions
    const read = await this.#database.runInteraction('companion_events', (txn) => eventsByNids(txn, missing), {
      readOnly: true,
    })
    for (const row of read) {
      rows.set(row.eventNid, row)
      if (before === this.#redactions) this.#rows.set(row.eventNid, row)
    }
    return rows
  }

  /** Says that these events have been redacted. */
  redacted(eventNids: Iterable<number>): void {
    for (const eventNid of eventNids) {
      this.#redactions++
      this.#rows.delete(eventNid)
    }
  }
}
