/**
 * What relates to an event over one or two others, in the order in which it is read, so that a page of it costs a page
 * however much there is: docs/decisions/0019-relations-in-turn.md.
 */
export const name = '0022-relations-in-turn'

export const statements: readonly string[] = [
  // What relates to an event, of whatever kind, in order. The plus sign keeps PostgreSQL, as long as it has no statistics,
  // from taking this index for questions that name a kind.
  `CREATE INDEX event_relations_any ON event_relations (room_nid, relates_to, topological, stream_position)
     WHERE +counts = 1`,

  // An event that counts, and one that it leads to by two or three relations. relates_to is text, as in event_relations.
  `CREATE TABLE relations_in_turn (
    room_nid INTEGER NOT NULL, relates_to TEXT NOT NULL, topological INTEGER NOT NULL, stream_position INTEGER NOT NULL,
    event_nid INTEGER NOT NULL, PRIMARY KEY (room_nid, relates_to, topological, stream_position, event_nid))
    WITHOUT ROWID`,
  // For what is redacted or purged.
  `CREATE INDEX relations_in_turn_event ON relations_in_turn (event_nid)`,
  `INSERT INTO relations_in_turn (room_nid, relates_to, topological, stream_position, event_nid)
   WITH RECURSIVE above (nid, room, id, steps) AS (
     SELECT event_nid, room_nid, relates_to, 1 FROM event_relations WHERE counts = 1 AND stream_position IS NOT NULL
     UNION ALL
     SELECT above.nid, above.room, r.relates_to, above.steps + 1
     FROM above JOIN events e ON e.event_id = above.id
       JOIN event_relations r ON r.event_nid = e.event_nid AND r.room_nid = above.room
     WHERE above.steps < 3)
   SELECT r.room_nid, above.id, r.topological, r.stream_position, r.event_nid
   FROM above JOIN event_relations r ON r.event_nid = above.nid JOIN events e ON e.event_nid = above.nid
   WHERE above.steps > 1 AND above.id <> r.relates_to AND above.id <> e.event_id
   ON CONFLICT (room_nid, relates_to, topological, stream_position, event_nid) DO NOTHING`,
]
