import { insertRelationsInTurn } from './relations-in-turn.ts'
import { addReplies } from './threads.ts'
import type { Transaction } from './transaction.ts'

/** That one event relates to another. `relatesTo` is a Matrix id, for the event may be unknown here. */
export interface RelationRow {
  readonly eventNid: number
  readonly roomNid: number
  readonly relatesTo: string
  readonly relType: string
  /** The `key` of an annotation; of an edit something when it has new content, or may have some where nobody sees it. */
  readonly aggregationKey: string | null
  readonly type: string
  readonly senderNid: number
  readonly topological: number
  readonly streamPosition: number | null
  /** True while the event is shown to clients and not redacted. */
  readonly counts: boolean
  /** Of an edit that counts and says what to show instead: by what edits of one event are ordered. */
  readonly edit: { readonly originServerTs: number; readonly eventId: string } | undefined
}

/** Writes the relations of new events and what follows from them: what relates to others in turn, sums of threads. */
export async function insertRelations(txn: Transaction, rows: readonly RelationRow[]): Promise<void> {
  const replies = rows.flatMap(({ relType, relatesTo, counts, streamPosition, ...row }) =>
    relType === 'm.thread' && counts && streamPosition !== null ? [{ ...row, rootId: relatesTo, streamPosition }] : [],
  )
  const inserted = txn.runMany(
    `INSERT INTO event_relations (event_nid, room_nid, relates_to, rel_type, aggregation_key, type, sender_nid,
       topological, stream_position, counts, edit_ts, edit_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    rows.map((row) => [
      row.eventNid,
      row.roomNid,
      row.relatesTo,
      row.relType,
      row.aggregationKey,
      row.type,
      row.senderNid,
      row.topological,
      row.streamPosition,
      row.counts ? 1 : 0,
      row.edit?.originServerTs ?? null,
      row.edit?.eventId ?? null,
    ]),
  )
  const inTurn = insertRelationsInTurn(
    txn,
    rows.map((row) => row.eventNid),
  )
  await Promise.all([inserted, inTurn, ...(replies.length === 0 ? [] : [addReplies(txn, replies)])])
}

/**
 * The newest valid edit of each of these events that has one: by its time, ties by its id. Valid is an edit by the same
 * sender, of the same type, in the same room, where neither is a state event. One row is read for each.
 * https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events
 */
export function newestEdits(
  txn: Transaction,
  eventIds: readonly string[],
): Promise<{ relatesTo: string; eventNid: number }[]> {
  return txn.all(
    `SELECT relates_to AS "relatesTo", event_nid AS "eventNid" FROM (
       SELECT t.event_id AS relates_to,
         (SELECT r.event_nid FROM event_relations r
          WHERE r.room_nid = t.room_nid AND r.relates_to = t.event_id AND r.sender_nid = t.sender_nid
            AND r.type = t.type AND r.edit_id IS NOT NULL
          ORDER BY r.edit_ts DESC, r.edit_id DESC LIMIT 1) AS event_nid
       FROM events t WHERE t.event_id IN @texts(?) AND t.key_nid IS NULL AND t.redacted_by IS NULL) AS edits
     WHERE event_nid IS NOT NULL`,
    eventIds,
  )
}

/**
 * The ids of what refers (`m.reference`) to each of these events, oldest first, at most `limit` for each. No more rows
 * are read for one, however many refer to it.
 */
export function references(
  txn: Transaction,
  eventIds: readonly string[],
  limit: number,
): Promise<{ relatesTo: string; eventId: string; senderNid: number }[]> {
  return txn.all(
    `WITH cuts (cut_room, cut_id, cut) AS MATERIALIZED (
       SELECT t.room_nid, t.event_id, (
         SELECT r.topological FROM event_relations r
         WHERE r.room_nid = t.room_nid AND r.relates_to = t.event_id AND r.rel_type = 'm.reference' AND r.counts = 1
         ORDER BY r.topological, r.stream_position LIMIT 1 OFFSET ?)
       FROM events t WHERE t.event_id IN @texts(?))
     SELECT relates_to AS "relatesTo", event_id AS "eventId", sender_nid AS "senderNid" FROM (
       SELECT r.relates_to, e.event_id, e.sender_nid, r.topological, r.stream_position,
         ROW_NUMBER() OVER (PARTITION BY r.relates_to ORDER BY r.topological, r.stream_position) AS place
       FROM cuts
       JOIN event_relations r ON r.room_nid = cut_room AND r.relates_to = cut_id AND r.rel_type = 'm.reference'
         AND r.counts = 1 AND r.topological <= COALESCE(cut, ?)
       JOIN events e ON e.event_nid = r.event_nid) AS referring
     WHERE place <= ? ORDER BY topological, stream_position`,
    limit - 1,
    eventIds,
    Number.MAX_SAFE_INTEGER,
    limit,
  )
}

/**
 * Those of these events to which something relates that still counts, by one of the given kinds and senders; null for
 * any, but not for both. One search of an index for each.
 */
export async function relatedBy(
  txn: Transaction,
  eventIds: readonly string[],
  by: { readonly relTypes: readonly string[] | null; readonly senderNids: readonly number[] | null },
): Promise<string[]> {
  const { relTypes, senderNids } = by
  const relates = `SELECT t.event_id AS "eventId" FROM events t WHERE t.event_id IN @texts(?) AND EXISTS (
    SELECT 1 FROM event_relations r WHERE r.room_nid = t.room_nid AND r.relates_to = t.event_id AND r.counts = 1`
  const rows = await (senderNids === null
    ? txn.all<{ eventId: string }>(`${relates} AND r.rel_type IN @texts(?))`, eventIds, relTypes ?? [])
    : relTypes === null
      ? txn.all<{ eventId: string }>(`${relates} AND r.sender_nid IN @ints(?))`, eventIds, senderNids)
      : txn.all<{ eventId: string }>(
          `${relates} AND r.sender_nid IN @ints(?) AND r.rel_type IN @texts(?))`,
          eventIds,
          senderNids,
          relTypes,
        ))
  return rows.map((row) => row.eventId)
}

/** True when an event of this room relates to another by a `rel_type`, redacted or not. */
export async function relatesToAnother(txn: Transaction, roomNid: number, eventId: string): Promise<boolean> {
  const row = await txn.get(
    `SELECT r.event_nid FROM events e JOIN event_relations r ON r.event_nid = e.event_nid
     WHERE e.event_id = ? AND e.room_nid = ?`,
    eventId,
    roomNid,
  )
  return row !== undefined
}

/** True when a user has annotated an event with this type and key, and not taken it back. */
export async function hasAnnotation(
  txn: Transaction,
  annotation: {
    readonly roomNid: number
    readonly relatesTo: string
    readonly type: string
    readonly key: string
    readonly senderNid: number
  },
): Promise<boolean> {
  const row = await txn.get(
    `SELECT event_nid FROM event_relations
     WHERE room_nid = ? AND relates_to = ? AND rel_type = 'm.annotation' AND counts = 1 AND type = ?
       AND aggregation_key = ? AND sender_nid = ? LIMIT 1`,
    annotation.roomNid,
    annotation.relatesTo,
    annotation.type,
    annotation.key,
    annotation.senderNid,
  )
  return row !== undefined
}
