import type { Transaction } from './transaction.ts'

/** Which receipt of a room. */
export interface ReceiptPlace {
  readonly userId: string
  readonly receiptType: string
  readonly threadId: string
}

/** The events that receipts of a room name, a page of receipts after one of them. */
export function receiptsOfRoom(
  txn: Transaction,
  page: { readonly roomNid: number; readonly after: ReceiptPlace; readonly limit: number },
): Promise<(ReceiptPlace & { eventId: string })[]> {
  return txn.all(
    `SELECT user_id AS "userId", receipt_type AS "receiptType", thread_id AS "threadId", event_id AS "eventId"
     FROM receipts WHERE room_nid = ? AND (user_id, receipt_type, thread_id) > (?, ?, ?)
     ORDER BY user_id, receipt_type, thread_id LIMIT ?`,
    page.roomNid,
    page.after.userId,
    page.after.receiptType,
    page.after.threadId,
    page.limit,
  )
}

/** The events that receipts in any room name which have come since a position, and the newest position. */
export async function receiptsSince(
  txn: Transaction,
  after: number,
): Promise<{ readonly eventIds: readonly string[]; readonly upTo: number }> {
  const rows = await txn.all<{ eventId: string; streamPosition: number }>(
    `SELECT event_id AS "eventId", stream_position AS "streamPosition" FROM receipts WHERE stream_position > ?
     ORDER BY stream_position`,
    after,
  )
  return { eventIds: rows.map((row) => row.eventId), upTo: rows.at(-1)?.streamPosition ?? after }
}

/** The newest position that a receipt has. */
export async function newestReceipt(txn: Transaction): Promise<number> {
  const row = await txn.get<{ newest: number | null }>('SELECT MAX(stream_position) AS newest FROM receipts')
  return row?.newest ?? 0
}

/** Deletes a room's receipts for some events. Linear in the room's receipts: only for events known to have any. */
export async function deleteReceiptsFor(txn: Transaction, roomNid: number, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length === 0) return
  await txn.run('DELETE FROM receipts WHERE room_nid = ? AND event_id IN @texts(?)', roomNid, eventIds)
}
