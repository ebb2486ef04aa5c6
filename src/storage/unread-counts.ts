import { eventColumns, shownToClients, unpackedEvents, type EventRow } from './events.ts'
import type { SqlValue, Transaction } from './transaction.ts'

/** One of ours in a room they are joined to, with how far its counters go. */
export interface UnreadStandingRow {
  readonly roomNid: number
  readonly userNid: number
  /** Where their stay began. */
  readonly joinedPosition: number
  readonly memberEventNid: number
  /** The counters of the room hold its events up to here; null when nothing was counted yet. */
  readonly countedUpTo: number | null
}

/** How far someone has read a room: '' for the whole of it, `main`, or a thread's root. */
export interface ReadUpToRow {
  readonly roomNid: number
  readonly userId: string
  readonly threadId: string
  readonly position: number
}

/** What one of ours had unread in a thread at the room's `countedUpTo`, as far as they had read up to `readUpTo`. */
export interface UnreadCountRow {
  readonly roomNid: number
  readonly userNid: number
  readonly threadId: string
  readonly readUpTo: number
  readonly notify: number
  readonly highlight: number
}

const counting = `receipt_type IN ('m.read', 'm.read.private')`

/** Those of the users who are joined to those of the rooms. */
export function unreadStandings(
  txn: Transaction,
  roomNids: readonly number[],
  userNids: readonly number[],
): Promise<UnreadStandingRow[]> {
  return txn.all(
    `SELECT m.room_nid AS "roomNid", m.user_nid AS "userNid", m.joined_position AS "joinedPosition",
       m.event_nid AS "memberEventNid", r.counted_up_to AS "countedUpTo"
     FROM memberships m LEFT JOIN unread_rooms r ON r.room_nid = m.room_nid
     WHERE m.room_nid IN @ints(?) AND m.user_nid IN @ints(?) AND m.membership = 'join'`,
    roomNids,
    userNids,
  )
}

/** How far these users have read these rooms and their threads, by receipts of either type. */
export function readUpTo(
  txn: Transaction,
  roomNids: readonly number[],
  userIds: readonly string[],
): Promise<ReadUpToRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", user_id AS "userId", thread_id AS "threadId", MAX(event_position) AS position
     FROM receipts WHERE room_nid IN @ints(?) AND user_id IN @texts(?) AND ${counting}
     GROUP BY room_nid, user_id, thread_id`,
    roomNids,
    userIds,
  )
}

/** What a user has said to have read after a position of the receipts stream, in any room. */
export function readSince(txn: Transaction, userId: string, after: number): Promise<ReadUpToRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", user_id AS "userId", thread_id AS "threadId", event_position AS position
     FROM receipts WHERE stream_position > ? AND user_id = ? AND ${counting}`,
    after,
    userId,
  )
}

/** The counters of these users in these rooms. */
export function unreadCounts(
  txn: Transaction,
  roomNids: readonly number[],
  userNids: readonly number[],
): Promise<UnreadCountRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", user_nid AS "userNid", thread_id AS "threadId", read_up_to AS "readUpTo", notify,
       highlight
     FROM unread_counts WHERE room_nid IN @ints(?) AND user_nid IN @ints(?)`,
    roomNids,
    userNids,
  )
}

/**
 * For each of the rooms, the newest `limit` events that a user's counters do not hold: of those after the counters (with
 * `withoutCounters`: of all), what arrived after they joined and after they last read the whole room. By arrival, oldest
 * first. One search per room for where to begin, then one range of the index.
 */
export async function uncountedEvents(
  txn: Transaction,
  range: {
    readonly roomNids: readonly number[]
    readonly user: { readonly userId: string; readonly userNid: number }
    readonly withoutCounters: boolean
    /** Nothing that arrived later. */
    readonly upTo: number
    readonly limit: number
  },
): Promise<EventRow[]> {
  const { roomNids, user, upTo } = range
  return unpackedEvents(
    await txn.all(
      `WITH starts (start_room, start) AS MATERIALIZED (
         SELECT f.room_nid, MAX(f.position) FROM (
           SELECT room_nid, joined_position AS position FROM memberships WHERE room_nid IN @ints(?) AND user_nid = ?
           UNION ALL
           SELECT room_nid, counted_up_to FROM unread_rooms WHERE room_nid IN @ints(?) AND ? = 0
           UNION ALL
           SELECT room_nid, event_position FROM receipts
           WHERE room_nid IN @ints(?) AND user_id = ? AND thread_id = '' AND ${counting}) AS f
         GROUP BY f.room_nid),
       cuts (cut_room, cut) AS MATERIALIZED (
         SELECT s.start_room, COALESCE((
           SELECT e.stream_position FROM events e
           WHERE e.room_nid = s.start_room AND e.stream_position > s.start AND e.stream_position <= ?
             AND ${shownToClients}
           ORDER BY e.stream_position DESC LIMIT 1 OFFSET ?), s.start)
         FROM starts s)
       SELECT ${eventColumns} FROM cuts JOIN events ON room_nid = cut_room AND stream_position > cut
       WHERE stream_position <= ? AND ${shownToClients} ORDER BY stream_position`,
      roomNids,
      user.userNid,
      roomNids,
      range.withoutCounters ? 1 : 0,
      roomNids,
      user.userId,
      upTo,
      range.limit,
      upTo,
    ),
  )
}

/** How far the counters of a room go; undefined when nothing was counted yet. */
export async function countedUpTo(txn: Transaction, roomNid: number): Promise<number | undefined> {
  const row = await txn.get<{ position: number }>(
    'SELECT counted_up_to AS position FROM unread_rooms WHERE room_nid = ?',
    roomNid,
  )
  return row?.position
}

/** Everybody's counters in a room. */
export function unreadCountsInRoom(txn: Transaction, roomNid: number): Promise<UnreadCountRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", user_nid AS "userNid", thread_id AS "threadId", read_up_to AS "readUpTo", notify,
       highlight
     FROM unread_counts WHERE room_nid = ?`,
    roomNid,
  )
}

/** Moves a room's counters from one position to another; false when they did not stand there any more. */
export async function moveCountedUpTo(
  txn: Transaction,
  roomNid: number,
  from: number | undefined,
  to: number,
): Promise<boolean> {
  const changed =
    from === undefined
      ? await txn.run(
          'INSERT INTO unread_rooms (room_nid, counted_up_to) VALUES (?, ?) ON CONFLICT (room_nid) DO NOTHING',
          roomNid,
          to,
        )
      : await txn.run(
          'UPDATE unread_rooms SET counted_up_to = ? WHERE room_nid = ? AND counted_up_to = ?',
          to,
          roomNid,
          from,
        )
  return changed === 1
}

/** Adds as much to the counters of each of these users in one thread. Their rows are there. */
export async function addUnread(
  txn: Transaction,
  add: {
    readonly roomNid: number
    readonly threadId: string
    readonly userNids: readonly number[]
    readonly notify: number
    readonly highlight: number
  },
): Promise<void> {
  await txn.run(
    `UPDATE unread_counts SET notify = notify + ?, highlight = highlight + ?
     WHERE room_nid = ? AND thread_id = ? AND user_nid IN @ints(?)`,
    add.notify,
    add.highlight,
    add.roomNid,
    add.threadId,
    add.userNids,
  )
}

/** Sets counters. `changedAt`: for counters counted anew for another reason than an event or a receipt. */
export function setUnread(txn: Transaction, rows: readonly UnreadCountRow[], changedAt = 0): Promise<void> {
  return txn.runMany(
    `INSERT INTO unread_counts (room_nid, user_nid, thread_id, read_up_to, notify, highlight, changed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (room_nid, user_nid, thread_id) DO UPDATE SET read_up_to = excluded.read_up_to,
       notify = excluded.notify, highlight = excluded.highlight, changed_at = CASE
         WHEN excluded.changed_at > unread_counts.changed_at THEN excluded.changed_at ELSE unread_counts.changed_at END`,
    rows.map((row): SqlValue[] => [
      row.roomNid,
      row.userNid,
      row.threadId,
      row.readUpTo,
      row.notify,
      row.highlight,
      changedAt,
    ]),
  )
}

/** Forgets the counters of users in a room. */
export async function deleteUnread(txn: Transaction, roomNid: number, userNids: readonly number[]): Promise<void> {
  await txn.run('DELETE FROM unread_counts WHERE room_nid = ? AND user_nid IN @ints(?)', roomNid, userNids)
}

/** Forgets all counters of a room, so that it is counted anew. */
export async function deleteUnreadOfRoom(txn: Transaction, roomNid: number): Promise<void> {
  await txn.run('DELETE FROM unread_counts WHERE room_nid = ?', roomNid)
  await txn.run('DELETE FROM unread_rooms WHERE room_nid = ?', roomNid)
}

/** Rooms in which a user's counts changed by a receipt of theirs or by counting anew, after one position and not after another. */
export async function roomsReadBetween(
  txn: Transaction,
  user: { readonly userId: string; readonly userNid: number },
  after: number,
  upTo: number,
): Promise<number[]> {
  const rows = await txn.all<{ roomNid: number }>(
    `SELECT room_nid AS "roomNid" FROM receipts WHERE stream_position > ? AND stream_position <= ? AND user_id = ?
     UNION SELECT room_nid FROM unread_counts WHERE user_nid = ? AND changed_at > ? AND changed_at <= ?`,
    after,
    upTo,
    user.userId,
    user.userNid,
    after,
    upTo,
  )
  return rows.map((row) => row.roomNid)
}

/** A member event that arrived: what it changed membership from and to, as texts. */
export interface MemberEventRow {
  readonly roomNid: number
  readonly streamPosition: number
  readonly json: string
  /** The text of the member event that it took the place of. */
  readonly replacedJson: string | null
}

/** The member events that arrived in the rooms of these events, from each of them on. */
export async function memberEventsFrom(txn: Transaction, eventNids: readonly number[]): Promise<MemberEventRow[]> {
  const rows = unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM (
         SELECT f.room_nid AS first_room, f.stream_position AS first_position FROM events f
         WHERE f.event_nid IN @ints(?)) AS firsts
       JOIN events ON room_nid = first_room AND stream_position >= first_position AND key_nid IS NOT NULL
       WHERE type = 'm.room.member' AND ${shownToClients}`,
      eventNids,
    ),
  )
  const replaced = unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM events WHERE event_nid IN @ints(?)`,
      rows.flatMap((row) => row.replacesNid ?? []),
    ),
  )
  const texts = new Map(replaced.map((row) => [row.eventNid, row.json]))
  return rows.map(({ roomNid, streamPosition, json, replacesNid }) => ({
    roomNid,
    streamPosition: streamPosition ?? 0,
    json,
    replacedJson: replacesNid === null ? null : (texts.get(replacesNid) ?? null),
  }))
}

/** To what, and how, each of these events relates; those without a relation are left out. */
export function relationsOfEvents(
  txn: Transaction,
  eventIds: readonly string[],
): Promise<{ roomNid: number; eventId: string; relatesTo: string; relType: string }[]> {
  return txn.all(
    `SELECT e.room_nid AS "roomNid", e.event_id AS "eventId", r.relates_to AS "relatesTo", r.rel_type AS "relType"
     FROM events e JOIN event_relations r ON r.event_nid = e.event_nid WHERE e.event_id IN @texts(?)`,
    eventIds,
  )
}

/** Where these events stand in the stream, and what redacts them; unknown ones are left out. */
export function positionsOf(
  txn: Transaction,
  eventIds: readonly string[],
): Promise<{ eventId: string; roomNid: number; streamPosition: number | null; redactedBy: number | null }[]> {
  return txn.all(
    `SELECT event_id AS "eventId", room_nid AS "roomNid", stream_position AS "streamPosition",
       redacted_by AS "redactedBy" FROM events WHERE event_id IN @texts(?)`,
    eventIds,
  )
}

/** The users whose counters were counted by other push rules or ignored users than they have now. */
export function usersWithNewSettings(txn: Transaction, types: readonly string[]): Promise<{ userId: string }[]> {
  return txn.all(
    `SELECT DISTINCT a.user_id AS "userId" FROM account_data a
     LEFT JOIN user_ids u ON u.user_id = a.user_id LEFT JOIN unread_settings s ON s.user_nid = u.user_nid
     WHERE a.room_id = '' AND a.type IN @texts(?) AND a.stream_position > COALESCE(s.position, 0)`,
    types,
  )
}

/** Notes by which settings a user's counters were counted. */
export async function setUnreadSettings(txn: Transaction, userNid: number, position: number): Promise<void> {
  await txn.run(
    `INSERT INTO unread_settings (user_nid, position) VALUES (?, ?)
     ON CONFLICT (user_nid) DO UPDATE SET position = excluded.position`,
    userNid,
    position,
  )
}

/** By which settings the counters of these users were counted; those who have changed nothing are left out. */
export function unreadSettings(
  txn: Transaction,
  userNids: readonly number[],
): Promise<{ userNid: number; position: number }[]> {
  return txn.all('SELECT user_nid AS "userNid", position FROM unread_settings WHERE user_nid IN @ints(?)', userNids)
}
