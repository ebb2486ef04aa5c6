/**
 * The index of who relates to what, its sender first. With the sender in the middle PostgreSQL takes it, as long as it has
 * no statistics of a new table, for questions that name no sender, and reads everything that relates to an event.
 */
export const name = '0021-relation-senders'

export const statements: readonly string[] = [
  `DROP INDEX event_relations_sender`,
  `CREATE INDEX event_relations_sender ON event_relations
     (sender_nid, relates_to, room_nid, rel_type, counts, topological, stream_position)`,
]
