/**
 * How much is unread, kept a little behind the events (docs/decisions/0015-unread-counts.md). What is here can be worked
 * out anew from events, receipts and account data at any time.
 */
export const name = '0014-unread-counts'

export const statements: readonly string[] = [
  // Where the stay began in which one of ours is joined; 0 for everybody else. stream_position moves with each new name.
  `ALTER TABLE memberships ADD COLUMN joined_position INTEGER NOT NULL DEFAULT 0`,
  `UPDATE memberships SET joined_position = stream_position WHERE local = 1 AND membership = 'join'`,

  // The stream position of the event that the receipt names; 0 while it is not in the timeline.
  `ALTER TABLE receipts ADD COLUMN event_position INTEGER NOT NULL DEFAULT 0`,
  `UPDATE receipts SET event_position = COALESCE(
    (SELECT stream_position FROM events WHERE events.event_id = receipts.event_id), 0)`,

  // The counters of a room hold its events up to this position. No row: nothing was counted yet.
  `CREATE TABLE unread_rooms (
    room_nid INTEGER NOT NULL PRIMARY KEY, counted_up_to INTEGER NOT NULL)`,

  // What one of ours had unread in a thread ('main': in none) at counted_up_to, having read it up to read_up_to; when
  // they have read further since, the row says nothing. No row: nothing unread. changed_at: the position of the receipts
  // stream at which it was counted anew, for another reason than an event or a receipt; 0 if never.
  `CREATE TABLE unread_counts (
    room_nid INTEGER NOT NULL, user_nid INTEGER NOT NULL, thread_id TEXT NOT NULL, read_up_to INTEGER NOT NULL,
    notify INTEGER NOT NULL, highlight INTEGER NOT NULL, changed_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room_nid, user_nid, thread_id)) WITHOUT ROWID`,
  // For syncs: in which rooms a user's counters were counted anew.
  `CREATE INDEX unread_counts_changed ON unread_counts (user_nid, changed_at) WHERE changed_at > 0`,

  // By which push rules and ignored users the counters of a user were counted: the position of the last change of
  // account data that counts in them. No row: as for somebody who has changed nothing.
  `CREATE TABLE unread_settings (user_nid INTEGER NOT NULL PRIMARY KEY, position INTEGER NOT NULL)`,
]
