import { isShownToClients, type EventRow } from '#storage/events.ts'

/** Events held for one room, and for all rooms together. */
const rowsOfRoomMax = 50
const rowsMax = 20_000

interface Recent {
  /** By arrival, oldest first. */
  readonly rows: EventRow[]
  /** Every event of the room that arrived after this position is among `rows`, or nobody may see it. */
  coveredAfter: number
}

/**
 * The newest events of the rooms in use, so that those who wait for an event read it from memory. What is held is always
 * a whole stretch of a room's arrivals, up to the newest.
 */
export class RecentRows {
  readonly #rooms = new Map<number, Recent>()
  #held = 0
  /** The largest position taken in: below it, a room that is not held may have events that were not read yet. */
  #newest = 0

  /** Takes in events of a room that have just become durable, before their positions are published. */
  add(roomNid: number, rows: readonly EventRow[]): void {
    for (const row of rows) {
      if (row.streamPosition === null) continue
      this.#newest = Math.max(this.#newest, row.streamPosition)
      let recent = this.#rooms.get(roomNid)
      if (recent === undefined) {
        recent = { rows: [], coveredAfter: row.streamPosition - 1 }
        this.#rooms.set(roomNid, recent)
      }
      if (row.streamPosition > recent.coveredAfter && isShownToClients(row)) this.#put(recent, row)
    }
    this.#touch(roomNid)
  }

  /** Notes redactions of events that may be held. */
  redacted(roomNid: number, redactions: readonly { eventNid: number; redactedBy: number }[]): void {
    const rows = this.#rooms.get(roomNid)?.rows
    if (rows === undefined) return
    for (const { eventNid, redactedBy } of redactions) {
      const index = rows.findIndex((row) => row.eventNid === eventNid)
      const row = rows[index]
      if (row !== undefined) rows[index] = { ...row, redactedBy }
    }
  }

  /**
   * Takes in what a query has read: every event that clients may see after `after` and not after `upTo`, oldest first.
   * Left alone when it does not join what is held to the present.
   */
  fill(roomNid: number, rows: readonly EventRow[], range: { readonly after: number; readonly upTo: number }): void {
    const recent = this.#rooms.get(roomNid)
    if (recent === undefined) {
      if (range.upTo < this.#newest) return
      const fresh: Recent = { rows: [], coveredAfter: range.after }
      this.#rooms.set(roomNid, fresh)
      for (const row of rows) this.#put(fresh, row)
    } else {
      if (range.upTo < recent.coveredAfter || range.after >= recent.coveredAfter) return
      const older = rows.filter((row) => (row.streamPosition ?? 0) <= recent.coveredAfter)
      recent.coveredAfter = range.after
      for (const row of older) this.#put(recent, row)
    }
    this.#touch(roomNid)
  }

  /**
   * The newest `limit` events that arrived after `after` and not after `upTo`, oldest first, and whether there are
   * more; undefined when memory does not tell.
   */
  read(
    roomNid: number,
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): { rows: EventRow[]; limited: boolean } | undefined {
    const recent = this.#rooms.get(roomNid)
    if (recent === undefined) return undefined
    const rows: EventRow[] = []
    for (let index = recent.rows.length - 1; index >= 0; index--) {
      const row = recent.rows[index]
      if (row?.streamPosition == null || row.streamPosition > range.upTo) continue
      if (row.streamPosition <= range.after) break
      if (rows.length === range.limit) return { rows: rows.reverse(), limited: true }
      rows.push(row)
    }
    return range.after >= recent.coveredAfter ? { rows: rows.reverse(), limited: false } : undefined
  }

  /** How many events are held. */
  get size(): number {
    return this.#held
  }

  #put(recent: Recent, row: EventRow): void {
    const { rows } = recent
    const position = row.streamPosition ?? 0
    let index = rows.length
    while (index > 0 && (rows[index - 1]?.streamPosition ?? 0) > position) index--
    if (rows[index - 1]?.streamPosition === position) return
    rows.splice(index, 0, row)
    this.#held++
    if (rows.length <= rowsOfRoomMax) return
    const oldest = rows.shift()
    this.#held--
    recent.coveredAfter = oldest?.streamPosition ?? recent.coveredAfter
  }

  /** Moves a room to the end of those that are given up first, and gives up rooms while too much is held. */
  #touch(roomNid: number): void {
    const recent = this.#rooms.get(roomNid)
    if (recent === undefined) return
    this.#rooms.delete(roomNid)
    this.#rooms.set(roomNid, recent)
    for (const [oldest, { rows }] of this.#rooms) {
      if (this.#held <= rowsMax) return
      this.#rooms.delete(oldest)
      this.#held -= rows.length
    }
  }
}
