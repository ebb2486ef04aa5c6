/**
 * The index by which auth chains are answered without walking them: docs/decisions/0018-auth-chain-index.md.
 */
export const name = '0018-auth-chains'

export const hasBackground = true

export const statements: readonly string[] = [
  // State events of one (type, state key) that authorize one another, a stretch of at most some dozens in a row, packed
  // by `rooms/auth-chains/packed-stretch.ts`. first_nid is the first of them. Events that are in no row stand for
  // themselves: their own row says what authorizes them.
  `CREATE TABLE auth_chains (
    room_nid INTEGER NOT NULL, key_nid INTEGER NOT NULL, first_nid INTEGER NOT NULL, entries BLOB NOT NULL,
    PRIMARY KEY (room_nid, key_nid, first_nid)) WITHOUT ROWID`,

  // Events kept aside that name an auth event which is not here with its whole chain: theirs is not whole either.
  `CREATE TABLE auth_gaps (
    room_nid INTEGER NOT NULL, event_nid INTEGER NOT NULL, missing_event_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, event_nid, missing_event_id)) WITHOUT ROWID`,
  `CREATE INDEX auth_gaps_missing ON auth_gaps (room_nid, missing_event_id)`,

  // Rooms in which a state event may have a smaller number than one that authorizes it. found: 1 when one has, 0 while
  // that is not known yet.
  `CREATE TABLE auth_disorder (room_nid INTEGER NOT NULL PRIMARY KEY, found INTEGER NOT NULL DEFAULT 0)`,
  `INSERT INTO auth_disorder (room_nid) SELECT room_nid FROM rooms`,
]
