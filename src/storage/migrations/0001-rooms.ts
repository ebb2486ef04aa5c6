/**
 * Rooms and their events. Integer ids (`…_nid`) stand for Matrix ids inside the database; they are handed out by
 * `storage/id-blocks.ts` and mean nothing outside.
 */
export const name = '0001-rooms'

export const statements: readonly string[] = [
  // Next free number of each sequence: integer ids and stream positions. Taken in blocks, never given back.
  `CREATE TABLE id_blocks (name TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL)`,

  `CREATE TABLE user_ids (user_nid INTEGER NOT NULL PRIMARY KEY, user_id TEXT NOT NULL UNIQUE)`,

  // Every (type, state key) pair that any room's state has used.
  `CREATE TABLE state_keys (
    key_nid INTEGER NOT NULL PRIMARY KEY, type TEXT NOT NULL, state_key TEXT NOT NULL, UNIQUE (type, state_key))`,

  // published: 1 when listed in the public directory. partial: 1 while the room was joined without its whole state.
  // merged_state_nid: while the room has several ends, the state that they resolve to.
  `CREATE TABLE rooms (
    room_nid INTEGER NOT NULL PRIMARY KEY, room_id TEXT NOT NULL UNIQUE, version TEXT NOT NULL,
    created_ts INTEGER NOT NULL, published INTEGER NOT NULL DEFAULT 0, partial INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0, merged_state_nid INTEGER)`,

  // One row an event. packed_json is the canonical text as signed, without event_id (from room version 3) and unsigned,
  // packed by `storage/event-text.ts`. topological: depth, the causal order in a room. stream_position: the order of
  // arrival here, over all rooms; null while an outlier. writer: which process took the position. state_before and
  // state_after are states, null for an outlier; a negative state −n is the one that event n made by standing on its
  // state_before (docs/decisions/0007-state-nodes.md). rejected holds the reason. redacted_by is the redaction that
  // applies. device_id and txn_id: which request of which device of ours made it. prev_nids and auth_nids: the events it
  // names, of those that we have, packed; auth_nids of state events only, since nothing else can be part of an auth chain.
  // Wide columns first: PostgreSQL keeps eight bytes together.
  `CREATE TABLE events (
    event_nid INTEGER NOT NULL PRIMARY KEY, room_nid INTEGER NOT NULL, key_nid INTEGER, sender_nid INTEGER NOT NULL,
    topological INTEGER NOT NULL, stream_position INTEGER, origin_server_ts INTEGER NOT NULL,
    received_ts INTEGER NOT NULL, redacted_by INTEGER, state_before INTEGER, state_after INTEGER, replaces_nid INTEGER,
    writer SMALLINT NOT NULL DEFAULT 0, outlier SMALLINT NOT NULL DEFAULT 0, soft_failed SMALLINT NOT NULL DEFAULT 0,
    event_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, rejected TEXT, device_id TEXT, txn_id TEXT, prev_nids BLOB,
    auth_nids BLOB, packed_json BLOB NOT NULL)`,
  `CREATE INDEX events_topological ON events (room_nid, topological, stream_position)`,
  `CREATE INDEX events_stream ON events (room_nid, stream_position)`,
  `CREATE INDEX events_state ON events (room_nid, stream_position) WHERE key_nid IS NOT NULL`,
  `CREATE UNIQUE INDEX events_transaction ON events (room_nid, sender_nid, device_id, txn_id) WHERE txn_id IS NOT NULL`,

  `CREATE TABLE forward_extremities (
    room_nid INTEGER NOT NULL, event_nid INTEGER NOT NULL, PRIMARY KEY (room_nid, event_nid)) WITHOUT ROWID`,
  // Events that one of ours names as previous and that we do not have.
  `CREATE TABLE backward_extremities (
    room_nid INTEGER NOT NULL, missing_event_id TEXT NOT NULL, event_nid INTEGER NOT NULL,
    PRIMARY KEY (room_nid, missing_event_id, event_nid)) WITHOUT ROWID`,

  // States of rooms as leveled deltas over a chunked full copy, those that no event's own row holds already:
  // docs/decisions/0007-state-nodes.md. A negative state has a row, without position, once its event's row is gone.
  `CREATE TABLE state_nodes (
    state_nid INTEGER NOT NULL PRIMARY KEY, room_nid INTEGER NOT NULL, parent_nid INTEGER, position INTEGER,
    delta BLOB NOT NULL)`,
  `CREATE INDEX state_nodes_room ON state_nodes (room_nid, state_nid)`,
  `CREATE TABLE state_chunks (
    state_nid INTEGER NOT NULL, first_key INTEGER NOT NULL, entries BLOB NOT NULL,
    PRIMARY KEY (state_nid, first_key)) WITHOUT ROWID`,

  // The resolved state now. A state event that arrives becomes part of it, and nothing else changes; where that is not
  // so, current_state_deltas says what did change at the event's position (key_nid 0: nothing).
  `CREATE TABLE current_state (
    room_nid INTEGER NOT NULL, key_nid INTEGER NOT NULL, event_nid INTEGER NOT NULL,
    PRIMARY KEY (room_nid, key_nid)) WITHOUT ROWID`,
  `CREATE TABLE current_state_deltas (
    room_nid INTEGER NOT NULL, stream_position INTEGER NOT NULL, key_nid INTEGER NOT NULL, event_nid INTEGER,
    prev_event_nid INTEGER, PRIMARY KEY (room_nid, stream_position, key_nid)) WITHOUT ROWID`,

  // The membership now of everyone who ever had one. sender_nid: who caused it.
  `CREATE TABLE memberships (
    room_nid INTEGER NOT NULL, user_nid INTEGER NOT NULL, membership TEXT NOT NULL, event_nid INTEGER NOT NULL,
    sender_nid INTEGER NOT NULL, stream_position INTEGER NOT NULL, local INTEGER NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (room_nid, user_nid)) WITHOUT ROWID`,
  `CREATE INDEX memberships_user ON memberships (user_nid, membership) WHERE local = 1`,
  // Stripped state that came with an invite or a knock, as text of a JSON list.
  `CREATE TABLE invite_states (
    room_nid INTEGER NOT NULL, user_nid INTEGER NOT NULL, event_nid INTEGER NOT NULL, stripped TEXT NOT NULL,
    PRIMARY KEY (room_nid, user_nid)) WITHOUT ROWID`,

  // relates_to is text: the event may be unknown here.
  `CREATE TABLE event_relations (
    event_nid INTEGER NOT NULL PRIMARY KEY, room_nid INTEGER NOT NULL, relates_to TEXT NOT NULL, rel_type TEXT NOT NULL,
    aggregation_key TEXT, type TEXT NOT NULL, sender_nid INTEGER NOT NULL, topological INTEGER NOT NULL,
    stream_position INTEGER)`,
  `CREATE INDEX event_relations_target ON event_relations (relates_to, rel_type, topological, stream_position)`,
  `CREATE INDEX event_relations_threads ON event_relations (room_nid, rel_type, stream_position)`,

  // Redactions whose target is not (yet) known, or that could not be applied when they came.
  `CREATE TABLE redactions (
    event_nid INTEGER NOT NULL PRIMARY KEY, room_nid INTEGER NOT NULL, redacts TEXT NOT NULL)`,
  `CREATE INDEX redactions_target ON redactions (redacts)`,

  `CREATE TABLE room_aliases (
    alias TEXT NOT NULL PRIMARY KEY, room_nid INTEGER NOT NULL, creator TEXT NOT NULL, created_ts INTEGER NOT NULL)`,
  `CREATE INDEX room_aliases_room ON room_aliases (room_nid)`,

  // thread_id: '' for a receipt without a thread. data is the receipt's object as text.
  `CREATE TABLE receipts (
    room_nid INTEGER NOT NULL, user_id TEXT NOT NULL, receipt_type TEXT NOT NULL, thread_id TEXT NOT NULL,
    event_id TEXT NOT NULL, data TEXT NOT NULL, stream_position INTEGER NOT NULL,
    PRIMARY KEY (room_nid, user_id, receipt_type, thread_id)) WITHOUT ROWID`,
  `CREATE INDEX receipts_stream ON receipts (stream_position)`,

  // Purges under way: of a room's events of smaller depth, or (null) of the whole room.
  `CREATE TABLE purges (room_nid INTEGER NOT NULL PRIMARY KEY, before_depth INTEGER)`,
]
