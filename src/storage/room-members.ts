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
  readonly eventNid: number
}

/** A membership that is about to be written, with the server of its user. */
export interface CountedMembership {
  readonly row: { readonly roomNid: number; readonly userNid: number; readonly membership: string }
  readonly server: string
}

/**
 * Moves people from the sums that they are in to those that they belong to: before their memberships are written, of
 * which there is one at most for each of them. Who stays what they were, as most who change their name do, moves nothing.
 */
export async function moveCounts(txn: Transaction, members: readonly CountedMembership[]): Promise<void> {
  const joined = members.filter(({ row }) => row.membership === 'join')
  const gone = members.filter(({ row }) => row.membership !== 'join')
  await Promise.all([
    txn.runMany(
      `UPDATE member_counts SET members = members - 1
       WHERE room_nid = ? AND membership = (
         SELECT membership FROM memberships WHERE room_nid = ? AND user_nid = ? AND membership <> ?)`,
      members.map(({ row }) => [row.roomNid, row.roomNid, row.userNid, row.membership]),
    ),
    txn.runMany(
      `INSERT INTO member_counts AS c (room_nid, membership, members)
       SELECT r.room_nid, CAST(? AS TEXT), 1 FROM (SELECT CAST(? AS INTEGER) AS room_nid) AS r
       WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.room_nid = r.room_nid AND m.user_nid = ? AND m.membership = ?)
       ON CONFLICT (room_nid, membership) DO UPDATE SET members = c.members + 1`,
      members.map(({ row }) => [row.membership, row.roomNid, row.userNid, row.membership]),
    ),
    txn.runMany(
      `INSERT INTO room_servers AS s (room_nid, server, joined)
       SELECT r.room_nid, CAST(? AS TEXT), 1 FROM (SELECT CAST(? AS INTEGER) AS room_nid) AS r
       WHERE NOT EXISTS (
         SELECT 1 FROM memberships m WHERE m.room_nid = r.room_nid AND m.user_nid = ? AND m.membership = 'join')
       ON CONFLICT (room_nid, server) DO UPDATE SET joined = s.joined + 1`,
      joined.map(({ row, server }) => [server, row.roomNid, row.userNid]),
    ),
    txn.runMany(
      `UPDATE room_servers SET joined = joined - 1
       WHERE room_nid = ? AND server = ? AND EXISTS (
         SELECT 1 FROM memberships WHERE room_nid = ? AND user_nid = ? AND membership = 'join')`,
      gone.map(({ row, server }) => [row.roomNid, server, row.roomNid, row.userNid]),
    ),
    txn.runMany(
      'DELETE FROM room_servers WHERE room_nid = ? AND server = ? AND joined <= 0',
      gone.map(({ row, server }) => [row.roomNid, server]),
    ),
  ])
}

/** How many people are joined and invited to each of these rooms. Two rows are read for each. */
export function memberCounts(txn: Transaction, roomNids: readonly number[]): Promise<MemberCount[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", membership, members AS count FROM member_counts
     WHERE room_nid IN @ints(?) AND membership IN ('join', 'invite')`,
    roomNids,
  )
}

/** The servers that have someone joined to a room, those with most first. */
export async function joinedServers(txn: Transaction, roomNid: number, limit: number): Promise<string[]> {
  const rows = await txn.all<{ server: string }>(
    'SELECT server FROM room_servers WHERE room_nid = ? ORDER BY joined DESC, server LIMIT ?',
    roomNid,
    limit,
  )
  return rows.map((row) => row.server)
}

/**
 * Up to `limit` members of each room besides `userNid` with one of these memberships, longest there first. For each room
 * and membership no more than `limit` and one rows are read.
 */
export function heroes(
  txn: Transaction,
  roomNids: readonly number[],
  wanted: {
    readonly memberships: readonly string[]
    readonly userNid: number
    readonly limit: number
  },
): Promise<Hero[]> {
  const { memberships, userNid, limit } = wanted
  return txn.all(
    `WITH cuts (cut_room, cut_membership, cut_position, cut_user) AS MATERIALIZED (
       SELECT r.room_nid, k.value,
         (SELECT m.stream_position FROM memberships m WHERE m.room_nid = r.room_nid AND m.membership = k.value
          ORDER BY m.stream_position, m.user_nid LIMIT 1 OFFSET ?),
         (SELECT m.user_nid FROM memberships m WHERE m.room_nid = r.room_nid AND m.membership = k.value
          ORDER BY m.stream_position, m.user_nid LIMIT 1 OFFSET ?)
       FROM rooms r CROSS JOIN @texts(?) AS k WHERE r.room_nid IN @ints(?))
     SELECT h.room_nid AS "roomNid", h.user_nid AS "userNid", u.user_id AS "userId", h.event_nid AS "eventNid"
     FROM (
       SELECT m.room_nid, m.user_nid, m.event_nid,
         ROW_NUMBER() OVER (PARTITION BY m.room_nid ORDER BY m.stream_position, m.user_nid) AS place
       FROM cuts JOIN memberships m ON m.room_nid = cut_room AND m.membership = cut_membership
         AND (m.stream_position, m.user_nid) <= (COALESCE(cut_position, ?), COALESCE(cut_user, 0))
       WHERE m.user_nid <> ?) AS h
     JOIN user_ids u ON u.user_nid = h.user_nid
     WHERE h.place <= ? ORDER BY h.room_nid, h.place`,
    limit,
    limit,
    memberships,
    roomNids,
    Number.MAX_SAFE_INTEGER,
    userNid,
    limit,
  )
}

/** Everything that is summed up of a room's members: how many of each membership, and how many joined of each server. */
export async function memberSums(
  txn: Transaction,
  roomNid: number,
): Promise<{ readonly memberships: ReadonlyMap<string, number>; readonly servers: ReadonlyMap<string, number> }> {
  const memberships = await txn.all<{ membership: string; members: number }>(
    'SELECT membership, members FROM member_counts WHERE room_nid = ? AND members <> 0',
    roomNid,
  )
  const servers = await txn.all<{ server: string; joined: number }>(
    'SELECT server, joined FROM room_servers WHERE room_nid = ?',
    roomNid,
  )
  return {
    memberships: new Map(memberships.map((row) => [row.membership, row.members])),
    servers: new Map(servers.map((row) => [row.server, row.joined])),
  }
}
