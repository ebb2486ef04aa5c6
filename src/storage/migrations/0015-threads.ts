/**
 * Threads summed up as their replies come, so that telling of one costs the same with two replies and with a hundred
 * thousand; and indexes by which the newest edit, and whatever else relates to an event, is found without reading the rest.
 */
export const name = '0015-threads'

/** What a client counts: shown, and not redacted. */
const isCounted = `EXISTS (SELECT 1 FROM events e WHERE e.event_nid = event_relations.event_nid
  AND e.outlier = 0 AND e.rejected IS NULL AND e.soft_failed = 0 AND e.redacted_by IS NULL)`

export const statements: readonly string[] = [
  // counts: 1 while the event is shown to clients and not redacted. edit_ts and edit_id, by which edits are ordered: of an
  // edit that counts and says what to show instead.
  `ALTER TABLE event_relations ADD COLUMN counts SMALLINT NOT NULL DEFAULT 0`,
  `ALTER TABLE event_relations ADD COLUMN edit_ts INTEGER`,
  `ALTER TABLE event_relations ADD COLUMN edit_id TEXT`,
  `UPDATE event_relations SET counts = 1 WHERE ${isCounted}`,
  `UPDATE event_relations SET
     edit_ts = (SELECT e.origin_server_ts FROM events e WHERE e.event_nid = event_relations.event_nid),
     edit_id = (SELECT e.event_id FROM events e WHERE e.event_nid = event_relations.event_nid)
   WHERE rel_type = 'm.replace' AND aggregation_key IS NOT NULL AND counts = 1`,

  `DROP INDEX event_relations_target`,
  `DROP INDEX event_relations_threads`,
  `CREATE INDEX event_relations_target ON event_relations
     (room_nid, relates_to, rel_type, counts, topological, stream_position)`,
  `CREATE INDEX event_relations_sender ON event_relations
     (room_nid, relates_to, sender_nid, rel_type, counts, topological, stream_position)`,
  `CREATE INDEX event_relations_edits ON event_relations (room_nid, relates_to, sender_nid, type, edit_ts, edit_id)
     WHERE edit_id IS NOT NULL`,

  // What counts of a thread: how many replies, and its newest by topological order. root_id is text: the root may be
  // unknown here. thread_senders says the same of each who wrote in it, so that those whom a reader ignores can be left out.
  `CREATE TABLE threads (
    room_nid INTEGER NOT NULL, root_id TEXT NOT NULL, replies INTEGER NOT NULL, latest_nid INTEGER NOT NULL,
    latest_topological INTEGER NOT NULL, latest_stream INTEGER NOT NULL, PRIMARY KEY (room_nid, root_id)) WITHOUT ROWID`,
  `CREATE TABLE thread_senders (
    room_nid INTEGER NOT NULL, root_id TEXT NOT NULL, sender_nid INTEGER NOT NULL, replies INTEGER NOT NULL,
    latest_nid INTEGER NOT NULL, latest_topological INTEGER NOT NULL, latest_stream INTEGER NOT NULL,
    PRIMARY KEY (room_nid, root_id, sender_nid)) WITHOUT ROWID`,
  `INSERT INTO thread_senders (room_nid, root_id, sender_nid, replies, latest_nid, latest_topological, latest_stream)
   SELECT room_nid, relates_to, sender_nid, replies, event_nid, topological, stream_position FROM (
     SELECT room_nid, relates_to, sender_nid, event_nid, topological, stream_position,
       COUNT(*) OVER (PARTITION BY room_nid, relates_to, sender_nid) AS replies,
       ROW_NUMBER() OVER (PARTITION BY room_nid, relates_to, sender_nid
         ORDER BY topological DESC, stream_position DESC) AS place
     FROM event_relations WHERE rel_type = 'm.thread' AND counts = 1) AS replying
   WHERE place = 1`,
  `INSERT INTO threads (room_nid, root_id, replies, latest_nid, latest_topological, latest_stream)
   SELECT room_nid, root_id, replies, latest_nid, latest_topological, latest_stream FROM (
     SELECT room_nid, root_id, latest_nid, latest_topological, latest_stream,
       CAST(SUM(replies) OVER (PARTITION BY room_nid, root_id) AS INTEGER) AS replies,
       ROW_NUMBER() OVER (PARTITION BY room_nid, root_id
         ORDER BY latest_topological DESC, latest_stream DESC) AS place
     FROM thread_senders) AS writing
   WHERE place = 1`,
  `CREATE INDEX threads_newest ON threads (room_nid, latest_stream)`,
  `CREATE INDEX thread_senders_newest ON thread_senders (room_nid, root_id, latest_topological, latest_stream)`,
]
