import type { Transaction } from './transaction.ts'

/** How many members of a room have a membership. */
export interface MemberCount {
  readonly roomNid: number
  readonly membership: string
  readonly count: number
}

/** Someone after whom a room can be called. */
export interface Hero {
  readonly roomNid: number
  readonly userNid: number
  readonly userId: string
  readonly membership: string
  readonly eventNid: number
}

/** How many people are joined and invited to each of these rooms. */
export function memberCounts(txn: Transaction, roomNids: readonly number[]): Promise<MemberCount[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", membership, COUNT(*) AS count FROM memberships
     WHERE room_nid IN @ints(?) AND membership IN ('join', 'invite') GROUP BY room_nid, membership`,
    roomNids,
  )
}

/**
 * Up to `limit` members of each room besides `userNid`: those joined or invited, longest there first, and after them
 * those who left or were banned.
 */
export function heroes(txn: Transaction, roomNids: readonly number[], userNid: number, limit: number): Promise<Hero[]> {
  return txn.all(
    `SELECT h.room_nid AS "roomNid", h.user_nid AS "userNid", u.user_id AS "userId", h.membership,
       h.event_nid AS "eventNid"
     FROM (
       SELECT room_nid, user_nid, membership, event_nid,
         ROW_NUMBER() OVER (PARTITION BY room_nid
           ORDER BY CASE WHEN membership IN ('join', 'invite') THEN 0 ELSE 1 END, stream_position, user_nid) AS place
       FROM memberships
       WHERE room_nid IN @ints(?) AND user_nid <> ? AND membership IN ('join', 'invite', 'leave', 'ban')) AS h
     JOIN user_ids u ON u.user_nid = h.user_nid
     WHERE h.place <= ? ORDER BY h.room_nid, h.place`,
    roomNids,
    userNid,
    limit,
  )
}
