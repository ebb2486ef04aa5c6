import type { SqlValue, Transaction } from './transaction.ts'

/** A reply in a thread. `rootId` is a Matrix id, for the root may be unknown here. */
export interface ThreadReply {
  readonly roomNid: number
  readonly rootId: string
  readonly senderNid: number
  readonly eventNid: number
  readonly topological: number
  readonly streamPosition: number
}

/** What is told of a thread with its root. */
export interface ThreadSummary {
  readonly rootId: string
  /** Its newest reply by topological order. */
  readonly latestNid: number
  readonly count: number
}

/** One more reply, `excluded`, in the sum `t`. */
const withReply = `replies = t.replies + 1,
  latest_nid = CASE WHEN (excluded.latest_topological, excluded.latest_stream) >
    (t.latest_topological, t.latest_stream) THEN excluded.latest_nid ELSE t.latest_nid END,
  latest_stream = CASE WHEN (excluded.latest_topological, excluded.latest_stream) >
    (t.latest_topological, t.latest_stream) THEN excluded.latest_stream ELSE t.latest_stream END,
  latest_topological = CASE WHEN excluded.latest_topological > t.latest_topological
    THEN excluded.latest_topological ELSE t.latest_topological END`

/** Sums new replies up in their threads, in whatever order they come. Costs the same however long a thread is. */
export async function addReplies(txn: Transaction, replies: readonly ThreadReply[]): Promise<void> {
  const placeOf = (reply: ThreadReply): SqlValue[] => [reply.eventNid, reply.topological, reply.streamPosition]
  await Promise.all([
    txn.runMany(
      `INSERT INTO threads AS t (room_nid, root_id, replies, latest_nid, latest_topological, latest_stream)
       VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT (room_nid, root_id) DO UPDATE SET ${withReply}`,
      replies.map((reply) => [reply.roomNid, reply.rootId, ...placeOf(reply)]),
    ),
    txn.runMany(
      `INSERT INTO thread_senders AS t
         (room_nid, root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream)
       VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (room_nid, root_id, sender_nid) DO UPDATE SET ${withReply}`,
      replies.map((reply) => [reply.roomNid, reply.rootId, reply.senderNid, ...placeOf(reply)]),
    ),
  ])
}

/**
 * Takes replies that no longer count out of the sums of their threads; `event_relations` says so of them already. What
 * is newest now is found by index, so that this costs the same however long a thread is.
 */
export async function takeReplies(
  txn: Transaction,
  replies: readonly Pick<ThreadReply, 'roomNid' | 'rootId' | 'senderNid'>[],
): Promise<void> {
  const threadsOf = Map.groupBy(replies, ({ roomNid, rootId }) => `${roomNid} ${rootId}`)
  const sendersOf = Map.groupBy(replies, ({ roomNid, rootId, senderNid }) => `${roomNid} ${rootId} ${senderNid}`)
  const threads = [...threadsOf.values()].flatMap(([of]) => (of === undefined ? [] : [[of.roomNid, of.rootId]]))
  const senders = [...sendersOf.values()].flatMap(([of]) =>
    of === undefined ? [] : [[of.roomNid, of.rootId, of.senderNid]],
  )
  await Promise.all([
    txn.runMany(
      'UPDATE thread_senders SET replies = replies - 1 WHERE room_nid = ? AND root_id = ? AND sender_nid = ?',
      replies.map(({ roomNid, rootId, senderNid }) => [roomNid, rootId, senderNid]),
    ),
    txn.runMany(
      'DELETE FROM thread_senders WHERE room_nid = ? AND root_id = ? AND sender_nid = ? AND replies <= 0',
      senders,
    ),
    txn.runMany(
      `UPDATE thread_senders SET (latest_nid, latest_topological, latest_stream) = (
         SELECT r.event_nid, r.topological, r.stream_position FROM event_relations r
         WHERE r.room_nid = thread_senders.room_nid AND r.relates_to = thread_senders.root_id
           AND r.sender_nid = thread_senders.sender_nid AND r.rel_type = 'm.thread' AND r.counts = 1
         ORDER BY r.topological DESC, r.stream_position DESC LIMIT 1)
       WHERE room_nid = ? AND root_id = ? AND sender_nid = ?`,
      senders,
    ),
    txn.runMany(
      'UPDATE threads SET replies = replies - 1 WHERE room_nid = ? AND root_id = ?',
      replies.map(({ roomNid, rootId }) => [roomNid, rootId]),
    ),
    txn.runMany('DELETE FROM threads WHERE room_nid = ? AND root_id = ? AND replies <= 0', threads),
    txn.runMany(
      `UPDATE threads SET (latest_nid, latest_topological, latest_stream) = (
         SELECT s.latest_nid, s.latest_topological, s.latest_stream FROM thread_senders s
         WHERE s.room_nid = threads.room_nid AND s.root_id = threads.root_id
         ORDER BY s.latest_topological DESC, s.latest_stream DESC LIMIT 1)
       WHERE room_nid = ? AND root_id = ?`,
      threads,
    ),
  ])
}

/** What these threads have come to; roots without one are left out. One row is read for each. */
export function threadSummaries(txn: Transaction, rootIds: readonly string[]): Promise<ThreadSummary[]> {
  return txn.all(
    `SELECT t.root_id AS "rootId", t.latest_nid AS "latestNid", t.replies AS count
     FROM events e JOIN threads t ON t.room_nid = e.room_nid AND t.root_id = e.event_id
     WHERE e.event_id IN @texts(?)`,
    rootIds,
  )
}

/**
 * The same as if some users had never written in them. Of each thread no more rows are read than there are such users,
 * and one.
 */
export async function threadSummariesWithout(
  txn: Transaction,
  rootIds: readonly string[],
  senderNids: readonly number[],
): Promise<ThreadSummary[]> {
  const rows = await txn.all<{ rootId: string; latestNid: number | null; count: number }>(
    `SELECT t.root_id AS "rootId",
       (SELECT s.latest_nid FROM thread_senders s
        WHERE s.room_nid = t.room_nid AND s.root_id = t.root_id AND s.sender_nid NOT IN @ints(?)
        ORDER BY s.latest_topological DESC, s.latest_stream DESC LIMIT 1) AS "latestNid",
       t.replies - COALESCE((SELECT CAST(SUM(s.replies) AS INTEGER) FROM thread_senders s
        WHERE s.room_nid = t.room_nid AND s.root_id = t.root_id AND s.sender_nid IN @ints(?)), 0) AS count
     FROM events e JOIN threads t ON t.room_nid = e.room_nid AND t.root_id = e.event_id
     WHERE e.event_id IN @texts(?)`,
    senderNids,
    senderNids,
    rootIds,
  )
  return rows.flatMap(({ latestNid, ...row }) => (latestNid === null ? [] : [{ ...row, latestNid }]))
}

/** Which of these threads the user has written in, or begun. */
export async function threadsOfSender(
  txn: Transaction,
  rootIds: readonly string[],
  senderNid: number,
): Promise<string[]> {
  const rows = await txn.all<{ rootId: string }>(
    `SELECT e.event_id AS "rootId" FROM events e
     WHERE e.event_id IN @texts(?) AND (e.sender_nid = ? OR EXISTS (
       SELECT 1 FROM thread_senders s
       WHERE s.room_nid = e.room_nid AND s.root_id = e.event_id AND s.sender_nid = ?))`,
    rootIds,
    senderNid,
    senderNid,
  )
  return rows.map((row) => row.rootId)
}

/**
 * The roots of a room's threads, the one whose newest reply arrived last first. `before`: only threads whose newest
 * reply has a smaller stream position. `participantNid`: only threads that this user began or wrote in; null for all.
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
    `SELECT t.root_id AS "rootId", t.latest_stream AS newest
     FROM threads t JOIN events e ON e.event_id = t.root_id AND e.room_nid = t.room_nid
     WHERE t.room_nid = ? AND t.latest_stream < ? AND (CAST(? AS BIGINT) IS NULL OR e.sender_nid = ? OR EXISTS (
       SELECT 1 FROM thread_senders s
       WHERE s.room_nid = t.room_nid AND s.root_id = t.root_id AND s.sender_nid = ?))
     ORDER BY t.latest_stream DESC LIMIT ?`,
    page.roomNid,
    page.before,
    page.participantNid,
    page.participantNid,
    page.participantNid,
    page.limit,
  )
}

/** The threads of a room that are summed up otherwise than their replies say, by the Matrix ids of their roots. */
export async function wrongThreads(txn: Transaction, roomNid: number): Promise<string[]> {
  const rows = await txn.all<{ rootId: string }>(
    `WITH replying AS (
       SELECT relates_to, sender_nid, event_nid, topological, stream_position,
         COUNT(*) OVER (PARTITION BY relates_to) AS replies,
         COUNT(*) OVER (PARTITION BY relates_to, sender_nid) AS own_replies,
         ROW_NUMBER() OVER (PARTITION BY relates_to ORDER BY topological DESC, stream_position DESC) AS place,
         ROW_NUMBER() OVER (PARTITION BY relates_to, sender_nid
           ORDER BY topological DESC, stream_position DESC) AS own_place
       FROM event_relations WHERE room_nid = ? AND rel_type = 'm.thread' AND counts = 1),
     due (root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream) AS (
       SELECT relates_to, 0, replies, event_nid, topological, stream_position FROM replying WHERE place = 1
       UNION ALL
       SELECT relates_to, sender_nid, own_replies, event_nid, topological, stream_position FROM replying
       WHERE own_place = 1),
     kept (root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream) AS (
       SELECT root_id, 0, replies, latest_nid, latest_topological, latest_stream FROM threads WHERE room_nid = ?
       UNION ALL
       SELECT root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream FROM thread_senders
       WHERE room_nid = ?),
     lacking AS (SELECT root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream FROM due
       EXCEPT SELECT root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream FROM kept),
     excess AS (SELECT root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream FROM kept
       EXCEPT SELECT root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream FROM due)
     SELECT root_id AS "rootId" FROM lacking UNION SELECT root_id FROM excess ORDER BY 1`,
    roomNid,
    roomNid,
    roomNid,
  )
  return rows.map((row) => row.rootId)
}
