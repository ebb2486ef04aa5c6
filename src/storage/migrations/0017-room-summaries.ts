/**
 * What is told of a room without looking at all its members: how many there are of each membership, which servers they
 * are of, who has been there longest, and when people last did something in it.
 */
export const name = '0017-room-summaries'

export const statements: readonly string[] = [
  `CREATE TABLE member_counts (
    room_nid INTEGER NOT NULL, membership TEXT NOT NULL, members INTEGER NOT NULL,
    PRIMARY KEY (room_nid, membership)) WITHOUT ROWID`,
  // How many users of each server are joined; a server without any has no row.
  `CREATE TABLE room_servers (
    room_nid INTEGER NOT NULL, server TEXT NOT NULL, joined INTEGER NOT NULL,
    PRIMARY KEY (room_nid, server)) WITHOUT ROWID`,
  // The stream position of the newest event that is more than a change of state: see `storage/room-recency.ts`.
  `CREATE TABLE room_recency (
    room_nid INTEGER NOT NULL PRIMARY KEY, stream_position INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX memberships_order ON memberships (room_nid, membership, stream_position, user_nid)`,

  `INSERT INTO member_counts (room_nid, membership, members)
   SELECT room_nid, membership, COUNT(*) FROM memberships GROUP BY room_nid, membership`,
  // A server's name begins after the first colon of a user's id: what stands before is taken away sign by sign.
  `INSERT INTO room_servers (room_nid, server, joined)
   WITH RECURSIVE rest (user_nid, text) AS (
     SELECT user_nid, user_id FROM user_ids
     WHERE user_nid IN (SELECT user_nid FROM memberships WHERE membership = 'join')
     UNION ALL SELECT user_nid, SUBSTR(text, 2) FROM rest WHERE text <> '' AND SUBSTR(text, 1, 1) <> ':')
   SELECT m.room_nid, SUBSTR(rest.text, 2), COUNT(*)
   FROM rest JOIN memberships m ON m.user_nid = rest.user_nid AND m.membership = 'join'
   WHERE SUBSTR(rest.text, 1, 1) = ':' GROUP BY m.room_nid, SUBSTR(rest.text, 2)`,
  `INSERT INTO room_recency (room_nid, stream_position)
   SELECT room_nid, MAX(stream_position) FROM events
   WHERE outlier = 0 AND rejected IS NULL AND soft_failed = 0 AND stream_position IS NOT NULL AND type IN (
     'm.room.create', 'm.room.message', 'm.room.encrypted', 'm.sticker', 'm.call.invite', 'm.poll.start',
     'org.matrix.msc3381.poll.start', 'm.beacon_info', 'org.matrix.msc3672.beacon_info')
   GROUP BY room_nid`,
]
