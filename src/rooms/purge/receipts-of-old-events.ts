import {
  deleteReceiptsFor,
  newestReceipt,
  receiptsOfRoom,
  receiptsSince,
  type ReceiptPlace,
} from '#storage/purged-receipts.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

/** Receipts that one look at the database takes in. */
const receiptsAtOnce = 5_000
/** Positions are given before they are committed: so many behind the newest may still come. */
const positionsLateMax = 1_000

/**
 * Deletes the receipts for events as these go. There is no index from events to receipts, since nothing else asks for
 * it: the events that have any are kept in memory instead, a few for each member of the room.
 */
export class ReceiptsOfOldEvents {
  readonly #roomNid: number
  readonly #named: Set<string>
  #upTo: number

  private constructor(roomNid: number, named: Set<string>, upTo: number) {
    this.#roomNid = roomNid
    this.#named = named
    this.#upTo = upTo
  }

  /** Learns which events of a room have receipts. */
  static async of(database: Database, roomNid: number): Promise<ReceiptsOfOldEvents> {
    const readOnly = { readOnly: true }
    const newest = await database.runInteraction('purge_look', newestReceipt, readOnly)
    const named = new Set<string>()
    let after: ReceiptPlace = { userId: '', receiptType: '', threadId: '' }
    for (;;) {
      const page = { roomNid, after, limit: receiptsAtOnce }
      const some = await database.runInteraction('purge_look', (txn) => receiptsOfRoom(txn, page), readOnly)
      for (const { eventId } of some) named.add(eventId)
      const last = some.at(-1)
      if (last === undefined) break
      after = last
    }
    return new ReceiptsOfOldEvents(roomNid, named, newest)
  }

  /** Deletes the receipts for events that go in this transaction, also those that have come meanwhile. */
  async deleteFor(txn: Transaction, eventIds: readonly string[]): Promise<void> {
    const { eventIds: come, upTo } = await receiptsSince(txn, this.#upTo - positionsLateMax)
    const since = new Set(come)
    const wanted = eventIds.filter((eventId) => this.#named.has(eventId) || since.has(eventId))
    await deleteReceiptsFor(txn, this.#roomNid, wanted)
    txn.afterCommit(() => {
      for (const eventId of since) this.#named.add(eventId)
      this.#upTo = upTo
    })
  }
}
