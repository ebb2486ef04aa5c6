import { eventColumns, unpackedEvents, type EventRow } from './events.ts'
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
}

/** Writes the relations of new events. */
export function insertRelations(txn: Transaction, rows: readonly RelationRow[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO event_relations (event_nid, room_nid, relates_to, rel_type, aggregation_key, type, sender_nid,
       topological, stream_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    ]),
  )
}

/** What still counts: shown to clients and not redacted. */
const counts = `e.outlier = 0 AND e.rejected IS NULL AND e.soft_failed = 0 AND e.redacted_by IS NULL`

/**
 * The newest valid edit of each of these events that has one: by its time, ties by its id. Valid is an edit by the same
 * sender, of the same type, in the same room, where neither is a state event.
 * https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events
 */
export function newestEdits(
  txn: Transaction,
  eventIds: readonly string[],
): Promise<{ relatesTo: string; eventNid: number }[]> {
  return txn.all(
    `SELECT relates_to AS "relatesTo", event_nid AS "eventNid" FROM (
       SELECT r.relates_to, e.event_nid,
         ROW_NUMBER() OVER (PARTITION BY r.relates_to ORDER BY e.origin_server_ts DESC, e.event_id DESC) AS place
       FROM event_relations r
       JOIN events e ON e.event_nid = r.event_nid
       JOIN events t ON t.event_id = r.relates_to
       WHERE r.relates_to IN @texts(?) AND r.rel_type = 'm.replace' AND e.room_nid = t.room_nid
         AND e.sender_nid = t.sender_nid AND e.type = t.type AND e.key_nid IS NULL AND t.key_nid IS NULL
         AND t.redacted_by IS NULL AND r.aggregation_key IS NOT NULL
         AND ${counts}) AS edits
     WHERE place = 1`,
    eventIds,
  )
}

/**
 * How many events each of these threads has, and its newest by topological order; those by users in `withoutNids` count
 * as absent. Roots without a thread are left out.
 */
export function threadSummaries(
  txn: Transaction,
  rootIds: readonly string[],
  withoutNids: readonly number[] = [],
): Promise<{ relatesTo: string; eventNid: number; count: number }[]> {
  return txn.all(
    `SELECT relates_to AS "relatesTo", event_nid AS "eventNid", count FROM (
       SELECT r.relates_to, e.event_nid, COUNT(*) OVER (PARTITION BY r.relates_to) AS count,
         ROW_NUMBER() OVER (PARTITION BY r.relates_to ORDER BY e.topological DESC, e.stream_position DESC) AS place
       FROM event_relations r
       JOIN events e ON e.event_nid = r.event_nid
       JOIN events t ON t.event_id = r.relates_to
       WHERE r.relates_to IN @texts(?) AND r.rel_type = 'm.thread' AND e.room_nid = t.room_nid
         AND e.sender_nid NOT IN @ints(?) AND ${counts}) AS threads
     WHERE place = 1`,
    rootIds,
    withoutNids,
  )
}

/** Which of these threads the user has written in, or begun. */
export async function threadsOfSender(
  txn: Transaction,
  rootIds: readonly string[],
  senderNid: number,
): Promise<string[]> {
  const rows = await txn.all<{ rootId: string }>(
    `SELECT r.relates_to AS "rootId" FROM event_relations r JOIN events e ON e.event_nid = r.event_nid
     WHERE r.relates_to IN @texts(?) AND r.rel_type = 'm.thread' AND r.sender_nid = ? AND ${counts}
     UNION SELECT e.event_id FROM events e WHERE e.event_id IN @texts(?) AND e.sender_nid = ?`,
    rootIds,
    senderNid,
    rootIds,
    senderNid,
  )
  return rows.map((row) => row.rootId)
}

/** The ids of what refers (`m.reference`) to each of these events, oldest first, at most `limit` for each. */
export function references(
  txn: Transaction,
  eventIds: readonly string[],
  limit: number,
): Promise<{ relatesTo: string; eventId: string; senderNid: number }[]> {
  return txn.all(
    `SELECT relates_to AS "relatesTo", event_id AS "eventId", sender_nid AS "senderNid" FROM (
       SELECT r.relates_to, e.event_id, e.sender_nid, e.topological, e.stream_position,
         ROW_NUMBER() OVER (PARTITION BY r.relates_to ORDER BY e.topological, e.stream_position) AS place
       FROM event_relations r
       JOIN events e ON e.event_nid = r.event_nid
       JOIN events t ON t.event_id = r.relates_to
       WHERE r.relates_to IN @texts(?) AND r.rel_type = 'm.reference' AND e.room_nid = t.room_nid AND ${counts})
       AS referring
     WHERE place <= ? ORDER BY topological, stream_position`,
    eventIds,
    limit,
  )
}

/**
 * Those of these events to which something relates that still counts, by one of the given kinds and senders; null for any.
 */
export async function relatedBy(
  txn: Transaction,
  eventIds: readonly string[],
  by: { readonly relTypes: readonly string[] | null; readonly senderNids: readonly number[] | null },
): Promise<string[]> {
  const rows = await txn.all<{ eventId: string }>(
    `SELECT DISTINCT r.relates_to AS "eventId" FROM event_relations r
     JOIN events e ON e.event_nid = r.event_nid
     JOIN events t ON t.event_id = r.relates_to AND t.room_nid = e.room_nid
     WHERE r.relates_to IN @texts(?) AND (? = 1 OR r.rel_type IN @texts(?)) AND (? = 1 OR r.sender_nid IN @ints(?))
       AND ${counts}`,
    eventIds,
    by.relTypes === null ? 1 : 0,
    by.relTypes ?? [],
    by.senderNids === null ? 1 : 0,
    by.senderNids ?? [],
  )
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
    `SELECT e.event_nid FROM event_relations r JOIN events e ON e.event_nid = r.event_nid
     WHERE r.relates_to = ? AND r.rel_type = 'm.annotation' AND r.room_nid = ? AND r.type = ? AND r.aggregation_key = ?
       AND r.sender_nid = ? AND ${counts} LIMIT 1`,
    annotation.relatesTo,
    annotation.roomNid,
    annotation.type,
    annotation.key,
    annotation.senderNid,
  )
  return row !== undefined
}

/** Which relations to one event are read, and how far. Places are as in `storage/timeline.ts`. */
export interface RelatedRange {
  readonly roomNid: number
  readonly eventId: string
  /** Undefined: of any kind. */
  readonly relType: string | undefined
  readonly type: string | undefined
  /** 1: what relates to the event itself; 2: also what relates to those; and so on. */
  readonly depth: number
  readonly direction: 'backwards' | 'forwards'
  readonly from: { readonly topological: number; readonly stream: number }
  readonly until: { readonly topological: number; readonly stream: number }
  /** Only events that arrived after the one position and not after the other. */
  readonly arrivedAfter: number
  readonly arrivedBy: number
  readonly limit: number
}

/** The events that relate to one event, by topological order. */
export async function relatedEvents(txn: Transaction, range: RelatedRange): Promise<EventRow[]> {
  const [from, until, order] = range.direction === 'backwards' ? ['<=', '>', 'DESC'] : ['>', '<=', 'ASC']
  return unpackedEvents(
    await txn.all(
      `WITH RECURSIVE related (nid, id, level) AS (
       SELECT r.event_nid, e.event_id, 1 FROM event_relations r JOIN events e ON e.event_nid = r.event_nid
       WHERE r.relates_to = ? AND r.room_nid = ?
       UNION
       SELECT r.event_nid, e.event_id, related.level + 1
       FROM related JOIN event_relations r ON r.relates_to = related.id JOIN events e ON e.event_nid = r.event_nid
       WHERE related.level < ? AND r.room_nid = ?)
     SELECT ${eventColumns} FROM events
     WHERE event_nid IN (
         SELECT r.event_nid FROM event_relations r JOIN related ON related.nid = r.event_nid
         WHERE r.rel_type = COALESCE(?, r.rel_type) AND r.type = COALESCE(?, r.type))
       AND outlier = 0 AND rejected IS NULL AND soft_failed = 0 AND redacted_by IS NULL
       AND (topological, stream_position) ${from} (?, ?) AND (topological, stream_position) ${until} (?, ?)
       AND stream_position > ? AND stream_position <= ?
     ORDER BY topological ${order}, stream_position ${order} LIMIT ?`,
      range.eventId,
      range.roomNid,
      range.depth,
      range.roomNid,
      range.relType ?? null,
      range.type ?? null,
      range.from.topological,
      range.from.stream,
      range.until.topological,
      range.until.stream,
      range.arrivedAfter,
      range.arrivedBy,
      range.limit,
    ),
  )
}

/**
 * The roots of a room's threads, the one with the newest event first. `before`: only threads whose newest event has a
 * smaller stream position. `participantNid`: only threads that this user began or wrote in; null for all.
 */
export function threadRoots(
  txn: Transaction,
  page: {
    readonly roomNid: number
    readonly before: number
    readonly participantNid: number | null
    readonly limit: number
  },
): Promise<{ rootId: string; newest: number }[]> {
  return txn.all(
    `SELECT r.relates_to AS "rootId", MAX(e.stream_position) AS newest
     FROM event_relations r
     JOIN events e ON e.event_nid = r.event_nid
     JOIN events t ON t.event_id = r.relates_to AND t.room_nid = r.room_nid
     WHERE r.room_nid = ? AND r.rel_type = 'm.thread' AND ${counts}
     GROUP BY r.relates_to, t.sender_nid
     HAVING MAX(e.stream_position) < ? AND (CAST(? AS BIGINT) IS NULL OR t.sender_nid = ?
       OR SUM(CASE WHEN e.sender_nid = ? THEN 1 ELSE 0 END) > 0)
     ORDER BY MAX(e.stream_position) DESC LIMIT ?`,
    page.roomNid,
    page.before,
    page.participantNid,
    page.participantNid,
    page.participantNid,
    page.limit,
  )
}
