import type { Transaction } from './transaction.ts'

/** Where one comes from an event, `nid`, along its relation, that of the event it names, and so on: three steps, all in its room. */
const upwards = `SELECT above.nid, above.room, r.relates_to, above.steps + 1
  FROM above JOIN events e ON e.event_id = above.id
    JOIN event_relations r ON r.event_nid = e.event_nid AND r.room_nid = above.room
  WHERE above.steps < 3`

/**
 * Says of each event that comes to lead to another over two relations or three by the relations of these new events,
 * whether new itself or there before, that it does: relations come in any order. Costs what it writes, whatever else
 * relates to the same events. In old room versions events choose their ids, and may lead back to themselves: that is
 * left out, and so is what an event relates to by itself.
 */
export function insertRelationsInTurn(txn: Transaction, eventNids: readonly number[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO relations_in_turn (room_nid, relates_to, topological, stream_position, event_nid)
     WITH RECURSIVE above (nid, room, id, steps) AS (
       SELECT event_nid, room_nid, relates_to, 1 FROM event_relations WHERE event_nid = ?
       UNION ALL
       ${upwards}),
     below (nid, room, id, relates_to, topological, stream_position, counts, steps) AS (
       SELECT r.event_nid, r.room_nid, e.event_id, r.relates_to, r.topological, r.stream_position, r.counts, 0
       FROM event_relations r JOIN events e ON e.event_nid = r.event_nid WHERE r.event_nid = ?
       UNION ALL
       SELECT r.event_nid, r.room_nid, e.event_id, r.relates_to, r.topological, r.stream_position, r.counts,
         below.steps + 1
       FROM below JOIN event_relations r ON r.room_nid = below.room AND r.relates_to = below.id
         JOIN events e ON e.event_nid = r.event_nid
       WHERE below.steps < 2)
     SELECT below.room, above.id, below.topological, below.stream_position, below.nid
     FROM below JOIN above ON above.steps + below.steps BETWEEN 2 AND 3
     WHERE below.counts = 1 AND below.stream_position IS NOT NULL
       AND above.id <> below.relates_to AND above.id <> below.id
     ON CONFLICT (room_nid, relates_to, topological, stream_position, event_nid) DO NOTHING`,
    eventNids.map((eventNid) => [eventNid, eventNid]),
  )
}

/** Says of events that count no more that they lead nowhere; what leads to them goes on leading to others. */
export async function deleteRelationsInTurn(txn: Transaction, eventNids: readonly number[]): Promise<void> {
  await txn.run('DELETE FROM relations_in_turn WHERE event_nid IN @ints(?)', eventNids)
}

/**
 * The ids of events of a room that are noted to lead where they do not, or not noted to lead where they do. What has led
 * somewhere over an event that was purged may be noted still.
 */
export async function wrongRelationsInTurn(txn: Transaction, roomNid: number): Promise<string[]> {
  const rows = await txn.all<{ eventId: string }>(
    `WITH RECURSIVE above (nid, room, id, steps) AS (
       SELECT event_nid, room_nid, relates_to, 1 FROM event_relations
       WHERE room_nid = ? AND counts = 1 AND stream_position IS NOT NULL
       UNION ALL
       ${upwards}),
     due (id, topological, stream_position, nid) AS (
       SELECT above.id, r.topological, r.stream_position, r.event_nid
       FROM above JOIN event_relations r ON r.event_nid = above.nid JOIN events e ON e.event_nid = above.nid
       WHERE above.steps > 1 AND above.id <> r.relates_to AND above.id <> e.event_id),
     kept (id, topological, stream_position, nid) AS (
       SELECT relates_to, topological, stream_position, event_nid FROM relations_in_turn WHERE room_nid = ?),
     lacking AS (SELECT id, topological, stream_position, nid FROM due
       EXCEPT SELECT id, topological, stream_position, nid FROM kept),
     excess AS (SELECT id, topological, stream_position, nid FROM kept
       EXCEPT SELECT id, topological, stream_position, nid FROM due),
     broken AS (SELECT above.nid FROM above WHERE above.steps < 3
       AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = above.id AND e.room_nid = above.room)),
     wrong AS (SELECT nid FROM lacking
       UNION SELECT nid FROM excess WHERE nid NOT IN (SELECT nid FROM broken))
     SELECT COALESCE(e.event_id, CAST(wrong.nid AS TEXT)) AS "eventId"
     FROM wrong LEFT JOIN events e ON e.event_nid = wrong.nid ORDER BY 1`,
    roomNid,
    roomNid,
  )
  return rows.map((row) => row.eventId)
}
