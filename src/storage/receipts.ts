import type { Transaction } from './transaction.ts'

/** The newest receipt of a user in a room, for one type and one thread. */
export interface ReceiptRow {
  readonly roomNid: number
  readonly userId: string
  readonly receiptType: string
  /** Empty for a receipt without a thread. */
  readonly threadId: string
  readonly eventId: string
  /** The stream position of the event; 0 while it is not in the timeline. */
  readonly eventPosition: number
  /** The receipt's object as JSON text: `{"ts":…}`. */
  readonly data: string
  readonly streamPosition: number
}

const columns = `room_nid AS "roomNid", user_id AS "userId", receipt_type AS "receiptType", thread_id AS "threadId",
  event_id AS "eventId", event_position AS "eventPosition", data, stream_position AS "streamPosition"`

/** Writes receipts, each over the one of the same room, user, type and thread. */
export function setReceipts(txn: Transaction, rows: readonly ReceiptRow[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO receipts (room_nid, user_id, receipt_type, thread_id, event_id, event_position, data,
       stream_position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (room_nid, user_id, receipt_type, thread_id) DO UPDATE SET event_id = excluded.event_id,
       event_position = excluded.event_position, data = excluded.data, stream_position = excluded.stream_position`,
    rows.map((row) => [
      row.roomNid,
      row.userId,
      row.receiptType,
      row.threadId,
      row.eventId,
      row.eventPosition,
      row.data,
      row.streamPosition,
    ]),
  )
}

/** One user's receipts in one room. */
export function receiptsOfUser(txn: Transaction, roomNid: number, userId: string): Promise<ReceiptRow[]> {
  return txn.all(`SELECT ${columns} FROM receipts WHERE room_nid = ? AND user_id = ?`, roomNid, userId)
}

/** Receipts in these rooms with positions after `after` and not after `upTo`, oldest first. */
export function receiptsInRange(
  txn: Transaction,
  range: { roomNids: readonly number[]; after: number; upTo: number },
): Promise<ReceiptRow[]> {
  // Without a lower bound the rooms are what narrows the search, with one the positions are: the plus sign keeps the
  // first from walking all positions.
  if (range.after <= 0)
    return txn.all(
      `SELECT ${columns} FROM receipts WHERE room_nid IN @ints(?) AND +stream_position <= ? ORDER BY +stream_position`,
      range.roomNids,
      range.upTo,
    )
  return txn.all(
    `SELECT ${columns} FROM receipts WHERE stream_position > ? AND stream_position <= ? AND room_nid IN @ints(?)
     ORDER BY stream_position`,
    range.after,
    range.upTo,
    range.roomNids,
  )
}
