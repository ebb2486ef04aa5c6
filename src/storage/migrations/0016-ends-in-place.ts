/**
 * An end of a room moves on with every event. Its row is known by a place among the room's ends and no longer by the
 * event, so that PostgreSQL changes it where it is; a row and an index entry for each event were left behind before.
 */
export const name = '0016-ends-in-place'

export const statements: readonly string[] = [
  `CREATE TABLE room_ends (
    room_nid INTEGER NOT NULL, place INTEGER NOT NULL, event_nid INTEGER NOT NULL,
    PRIMARY KEY (room_nid, place)) WITHOUT ROWID`,
  `INSERT INTO room_ends (room_nid, place, event_nid)
   SELECT room_nid, ROW_NUMBER() OVER (PARTITION BY room_nid ORDER BY event_nid), event_nid FROM forward_extremities`,
  `DROP TABLE forward_extremities`,
  `ALTER TABLE room_ends RENAME TO forward_extremities`,
]
