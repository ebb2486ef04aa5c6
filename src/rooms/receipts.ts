import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import { receiptsInRange, receiptsOfUser, setReceipts, type ReceiptRow } from '#storage/receipts.ts'
import { holdsRoom } from '#storage/rooms.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import type { Room } from './known-rooms.ts'
import { receiptEvents } from './receipts/receipt-events.ts'
import { threadOf } from './receipts/thread-of.ts'

/** How many (room, range) pairs keep their receipts, for the many polls that read the same range of a room. */
const rangesMax = 5_000
const threadIdBytesMax = 255

export type ReceiptType = 'm.read' | 'm.read.private'

/** That someone has read up to an event. */
export interface NewReceipt {
  readonly type: ReceiptType
  /** The event, which the user may see. */
  readonly event: EventRow
  /** A thread's root, or `main`; undefined: for the whole room. */
  readonly threadId?: string | undefined
}

/** How far people have read. https://spec.matrix.org/v1.19/client-server-api/#receipts */
export class Receipts {
  readonly #database: Database
  readonly #streams: Streams
  readonly #clock: Clock
  readonly #ranges = new LruCache<string, readonly ReceiptRow[]>(rangesMax, 'receipts')

  constructor(deps: { readonly database: Database; readonly streams: Streams; readonly clock: Clock }) {
    this.#database = deps.database
    this.#streams = deps.streams
    this.#clock = deps.clock
  }

  /**
   * Notes that a user, who is joined, has read up to events. A receipt never goes back to an earlier event. Private
   * receipts concern nobody else. Throws M_INVALID_PARAM for a thread to which the event does not belong.
   */
  async set(userId: UserId, room: Room, receipts: readonly NewReceipt[]): Promise<void> {
    for (const { event, threadId } of receipts) checkThread(event, threadId)
    if (receipts.length === 0) return
    const ts = this.#clock.now()
    await this.#streams.receipts.append(
      this.#database,
      'set_receipts',
      (txn, position) => writeNewer(txn, { userId, room, receipts, ts, position }),
      (written) => ({
        rooms: written.some((row) => row.receiptType === 'm.read') ? [room.roomNid] : [],
        users: written.length > 0 ? [userId] : [],
      }),
    )
  }

  /**
   * What `userId` is to learn of receipts set after position `after` and not after `upTo` of the receipts stream (0: of
   * all): the texts of `m.receipt` events, by room; rooms without news are left out. One query at most, none for what
   * is known to be unchanged.
   */
  async since(
    userId: UserId,
    roomNids: Iterable<number>,
    after: number,
    upTo: number,
  ): Promise<ReadonlyMap<number, readonly string[]>> {
    const { receipts } = this.#streams
    const ownChanged = receipts.userChangedSince(userId, after)
    const found: ReceiptRow[] = []
    const unread: number[] = []
    for (const roomNid of roomNids) {
      if (after > 0 && !ownChanged && !receipts.roomChangedSince(roomNid, after)) continue
      const known = this.#ranges.get(`${roomNid} ${after} ${upTo}`)
      if (known === undefined) unread.push(roomNid)
      else found.push(...known)
    }
    if (unread.length > 0 && after < upTo) found.push(...(await this.#read(unread, after, upTo)))
    const shown = found.filter((row) => row.receiptType === 'm.read' || row.userId === userId)
    const texts = new Map<number, readonly string[]>()
    for (const [roomNid, rows] of Map.groupBy(shown, (row) => row.roomNid)) texts.set(roomNid, receiptEvents(rows))
    return texts
  }

  /** The events up to which a user has read in a room: by type and thread, '' for the whole room. One query. */
  async of(userId: UserId, room: Room): Promise<readonly ReceiptRow[]> {
    return this.#database.runInteraction('receipts_of_user', (txn) => receiptsOfUser(txn, room.roomNid, userId), {
      readOnly: true,
    })
  }

  async #read(roomNids: readonly number[], after: number, upTo: number): Promise<ReceiptRow[]> {
    const rows = await this.#database.runInteraction(
      'receipts_in_range',
      (txn) => receiptsInRange(txn, { roomNids, after, upTo }),
      { readOnly: true },
    )
    // Only ranges that many read at once: those of polls, not of first syncs.
    if (after > 0) {
      const byRoom = Map.groupBy(rows, (row) => row.roomNid)
      for (const roomNid of roomNids) this.#ranges.set(`${roomNid} ${after} ${upTo}`, byRoom.get(roomNid) ?? [])
    }
    return rows
  }
}

/** Refuses a thread that the event is certainly not in. https://spec.matrix.org/v1.19/client-server-api/#threading */
function checkThread(event: EventRow, threadId: string | undefined): void {
  if (threadId === undefined) return
  if (threadId === '' || Buffer.byteLength(threadId) > threadIdBytesMax)
    throw new MatrixError('M_INVALID_PARAM', 'thread_id must be "main" or the event id of a thread root.')
  const thread = threadOf(event.json)
  if (thread !== undefined && thread !== threadId)
    throw new MatrixError('M_INVALID_PARAM', 'The event is not in the thread that thread_id names.')
}

/** Writes those of the receipts that go further than what is there; gives what was written. */
async function writeNewer(
  txn: Transaction,
  request: {
    readonly userId: UserId
    readonly room: Room
    readonly receipts: readonly NewReceipt[]
    readonly ts: number
    readonly position: number
  },
): Promise<ReceiptRow[]> {
  const { userId, room, receipts, ts, position } = request
  const before = await receiptsOfUser(txn, room.roomNid, userId)
  const rows = receipts.flatMap(({ type, event, threadId }): ReceiptRow[] => {
    const old = before.find((row) => row.receiptType === type && row.threadId === (threadId ?? ''))
    const eventPosition = event.streamPosition ?? 0
    if (old !== undefined && old.eventPosition >= eventPosition) return []
    return [
      {
        roomNid: room.roomNid,
        userId,
        receiptType: type,
        threadId: threadId ?? '',
        eventId: event.eventId,
        eventPosition,
        data: JSON.stringify(threadId === undefined ? { ts } : { ts, thread_id: threadId }),
        streamPosition: position,
      },
    ]
  })
  if (rows.length === 0 || !(await holdsRoom(txn, room.roomNid))) return []
  await setReceipts(txn, rows)
  return rows
}
