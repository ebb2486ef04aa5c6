import { serverNameOf, type UserId } from '#protocol/identifiers.ts'

import { moveCounts } from './room-members.ts'
import type { Transaction } from './transaction.ts'

export type MembershipState = 'join' | 'invite' | 'knock' | 'leave' | 'ban'

/** What someone is in a room now. */
export interface MembershipRow {
  readonly roomNid: number
  readonly userNid: number
  readonly membership: MembershipState
  /** The member event that says so. */
  readonly eventNid: number
  /** Who caused it. */
  readonly senderNid: number
  /** Since when: a member who only shows another name keeps it. */
  readonly streamPosition: number
  /** 1 when the user is one of ours. */
  readonly local: number
  readonly forgotten: number
  /**
   * The position at which their last stay ended, without a meaning while it goes on; 0: they have had none; null: it was
   * not noted yet then.
   */
  readonly stayEnd: number | null
}

/** A membership that an event sets; when stays end follows from what was before. */
export type NewMembership = Omit<MembershipRow, 'stayEnd'>

const columns = `room_nid AS "roomNid", user_nid AS "userNid", membership, event_nid AS "eventNid",
  sender_nid AS "senderNid", stream_position AS "streamPosition", local, forgotten, stay_end AS "stayEnd"`

/**
 * Sets memberships, the later ones of a user winning, and what is summed up of them. A room is remembered again by
 * whatever happens in it.
 */
export async function setMemberships(
  txn: Transaction,
  changes: readonly { readonly userId: UserId; readonly row: NewMembership }[],
): Promise<void> {
  const courses = [...Map.groupBy(changes, ({ row }) => `${row.roomNid} ${row.userNid}`).values()]
  const last = courses.flatMap((course) => course.slice(-1))
  const members = last.map(({ userId, row }) => ({ row, server: serverNameOf(userId) }))
  const rows = courses.map((course) => course.map(({ row }) => row))
  await Promise.all([moveCounts(txn, members), writeMemberships(txn, rows)])
}

/**
 * Who stays joined keeps the position: nothing that an index holds has changed, so that PostgreSQL writes to none and
 * cleans up after itself. `courses`: what each user becomes in a room, one after the other; where that is several things
 * they have been something else in between.
 */
function writeMemberships(txn: Transaction, courses: readonly (readonly NewMembership[])[]): Promise<void> {
  const changes = courses.flatMap((course) =>
    course.slice(-1).map((row) => ({ row, isRepeated: course.length > 1 ? 1 : 0, ...stayEnds(course) })),
  )
  return txn.runMany(
    `INSERT INTO memberships (room_nid, user_nid, membership, event_nid, sender_nid, stream_position, local, forgotten,
       joined_position, stay_end) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (room_nid, user_nid) DO UPDATE SET membership = excluded.membership, event_nid = excluded.event_nid,
       sender_nid = excluded.sender_nid, forgotten = excluded.forgotten,
       stream_position = CASE WHEN memberships.membership = 'join' AND excluded.membership = 'join' AND ? = 0
         THEN memberships.stream_position ELSE excluded.stream_position END,
       joined_position = CASE WHEN memberships.membership = 'join' AND excluded.membership = 'join' AND ? = 0
         THEN memberships.joined_position ELSE excluded.joined_position END,
       stay_end = CASE WHEN excluded.stay_end > 0 THEN excluded.stay_end
         WHEN memberships.membership = 'join' THEN COALESCE(?, memberships.stay_end) ELSE memberships.stay_end END`,
    changes.map(({ row, isRepeated, endHere, endOfEarlier }) => [
      row.roomNid,
      row.userNid,
      row.membership,
      row.eventNid,
      row.senderNid,
      row.streamPosition,
      row.local,
      row.forgotten,
      row.local === 1 && row.membership === 'join' ? row.streamPosition : 0,
      endHere,
      isRepeated,
      isRepeated,
      endOfEarlier,
    ]),
  )
}

/** Where a stay ends that begins among these, or 0; and where one ends that was before them, or null. */
function stayEnds(course: readonly NewMembership[]): { endHere: number; endOfEarlier: number | null } {
  let endHere = 0
  for (const [index, row] of course.entries())
    if (row.membership !== 'join' && course[index - 1]?.membership === 'join') endHere = row.streamPosition
  const [first] = course
  return { endHere, endOfEarlier: first === undefined || first.membership === 'join' ? null : first.streamPosition }
}

/** When somebody's last stay ended, as of a change to what they were `before`: see `MembershipRow.stayEnd`. */
export function stayEndAfter(before: MembershipRow | undefined, change: NewMembership): number | null {
  if (before === undefined) return 0
  return before.membership === 'join' && change.membership !== 'join' ? change.streamPosition : before.stayEnd
}

/** Every room that one of our users is or was in. */
export function membershipsOfUser(txn: Transaction, userNid: number): Promise<MembershipRow[]> {
  return txn.all(`SELECT ${columns} FROM memberships WHERE user_nid = ? AND local = 1`, userNid)
}

/** Everyone who ever had a membership in a room. */
export function membershipsInRoom(txn: Transaction, roomNid: number): Promise<MembershipRow[]> {
  return txn.all(`SELECT ${columns} FROM memberships WHERE room_nid = ?`, roomNid)
}

/** Our users who are joined to these rooms. */
export function localJoinedMembers(
  txn: Transaction,
  roomNids: readonly number[],
): Promise<{ roomNid: number; userNid: number; userId: string }[]> {
  return txn.all(
    `SELECT m.room_nid AS "roomNid", m.user_nid AS "userNid", u.user_id AS "userId"
     FROM memberships m JOIN user_ids u ON u.user_nid = m.user_nid
     WHERE m.room_nid IN @ints(?) AND m.membership = 'join' AND m.local = 1`,
    roomNids,
  )
}

/** Everyone, of any server, who is joined to one of these rooms. */
export function joinedUsers(txn: Transaction, roomNids: readonly number[]): Promise<{ userId: string }[]> {
  return txn.all(
    `SELECT DISTINCT u.user_id AS "userId" FROM memberships m JOIN user_ids u ON u.user_nid = m.user_nid
     WHERE m.room_nid IN @ints(?) AND m.membership = 'join'`,
    roomNids,
  )
}

/** Hides a room from a user's lists until something happens to them in it. */
export async function setForgotten(txn: Transaction, roomNid: number, userNid: number): Promise<void> {
  await txn.run('UPDATE memberships SET forgotten = 1 WHERE room_nid = ? AND user_nid = ?', roomNid, userNid)
}

/** Keeps the stripped state that goes with an invite or a knock: the text of a JSON list. */
export function setInviteStates(
  txn: Transaction,
  rows: readonly { roomNid: number; userNid: number; eventNid: number; stripped: string }[],
): Promise<void> {
  return txn.runMany(
    `INSERT INTO invite_states (room_nid, user_nid, event_nid, stripped) VALUES (?, ?, ?, ?)
     ON CONFLICT (room_nid, user_nid) DO UPDATE SET event_nid = excluded.event_nid, stripped = excluded.stripped`,
    rows.map((row) => [row.roomNid, row.userNid, row.eventNid, row.stripped]),
  )
}

/** The stripped state of invites and knocks of one user, by room. */
export function inviteStates(
  txn: Transaction,
  userNid: number,
  roomNids: readonly number[],
): Promise<{ roomNid: number; eventNid: number; stripped: string }[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", event_nid AS "eventNid", stripped FROM invite_states
     WHERE room_nid IN @ints(?) AND user_nid = ?`,
    roomNids,
    userNid,
  )
}

/** The integer ids of users, of those that are known. */
export function userNidsOf(
  txn: Transaction,
  userIds: readonly string[],
): Promise<{ userId: string; userNid: number }[]> {
  return txn.all(`SELECT user_id AS "userId", user_nid AS "userNid" FROM user_ids WHERE user_id IN @texts(?)`, userIds)
}

/** Whether anyone of ours is in a room, may come in, or still has it on a list. */
export async function isKeptByUs(txn: Transaction, roomNid: number): Promise<boolean> {
  const row = await txn.get(
    `SELECT 1 AS kept FROM memberships
     WHERE room_nid = ? AND local = 1 AND (forgotten = 0 OR membership IN ('join', 'invite', 'knock')) LIMIT 1`,
    roomNid,
  )
  return row !== undefined
}

/** The users of ours who have a membership of a room, whichever it is. Linear in the room's members. */
export function localUsersOf(txn: Transaction, roomNid: number): Promise<{ userId: string; membership: string }[]> {
  return txn.all(
    `SELECT u.user_id AS "userId", m.membership FROM memberships m JOIN user_ids u ON u.user_nid = m.user_nid
     WHERE m.room_nid = ? AND m.local = 1 ORDER BY u.user_id`,
    roomNid,
  )
}
