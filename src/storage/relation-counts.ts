import { deleteRelationsInTurn } from './relations-in-turn.ts'
import { takeReplies } from './threads.ts'
import type { Transaction } from './transaction.ts'

/**
 * Says of events that were redacted, or are about to go, that what they relate to others counts no more. Costs the
 * events, not what else relates to the same ones.
 */
export async function discountRelations(txn: Transaction, eventNids: readonly number[]): Promise<void> {
  const discounted = await txn.all<{
    eventNid: number
    roomNid: number
    rootId: string
    relType: string
    senderNid: number
  }>(
    `UPDATE event_relations SET counts = 0, edit_ts = NULL, edit_id = NULL
     WHERE event_nid IN @ints(?) AND counts = 1
     RETURNING event_nid AS "eventNid", room_nid AS "roomNid", relates_to AS "rootId", rel_type AS "relType",
       sender_nid AS "senderNid"`,
    eventNids,
  )
  if (discounted.length === 0) return
  // They come in no order, and everybody who changes rows of several threads is to do so in the same.
  discounted.sort((a, b) => a.eventNid - b.eventNid)
  const replies = discounted.filter((relation) => relation.relType === 'm.thread')
  const inTurn = deleteRelationsInTurn(
    txn,
    discounted.map((relation) => relation.eventNid),
  )
  await Promise.all(replies.length === 0 ? [inTurn] : [inTurn, takeReplies(txn, replies)])
}

/** The events of a room whose relations count though they must not, or the other way round. */
export async function wrongRelationCounts(txn: Transaction, roomNid: number): Promise<string[]> {
  const rows = await txn.all<{ eventId: string }>(
    `SELECT event_id AS "eventId" FROM (
       SELECT e.event_id, r.counts, r.edit_id, r.rel_type, r.aggregation_key,
         CASE WHEN e.outlier = 0 AND e.rejected IS NULL AND e.soft_failed = 0 AND e.redacted_by IS NULL
           THEN 1 ELSE 0 END AS due
       FROM event_relations r JOIN events e ON e.event_nid = r.event_nid
       WHERE r.room_nid = ? AND e.type <> 'm.room.redaction') AS relating
     WHERE counts <> due OR COALESCE(edit_id, '') <>
       CASE WHEN due = 1 AND rel_type = 'm.replace' AND aggregation_key IS NOT NULL THEN event_id ELSE '' END
     ORDER BY event_id`,
    roomNid,
  )
  return rows.map((row) => row.eventId)
}
