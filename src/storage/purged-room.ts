import { deleteAuthStretches } from './auth-chains.ts'
import type { Transaction } from './transaction.ts'

/** Tables that may keep much of one room, and by which column some of it is named. */
const largeTables = [
  ['current_state', 'key_nid'],
  ['current_state_deltas', 'stream_position'],
  ['memberships', 'user_nid'],
  ['receipts', 'user_id'],
  ['unread_counts', 'user_nid'],
] as const

/** Tables that keep little of a room, or have been emptied with its events. */
const smallTables = [
  'unread_rooms',
  'auth_gaps',
  'auth_disorder',
  'invite_states',
  'member_counts',
  'room_servers',
  'room_recency',
  'threads',
  'thread_senders',
  'relations_in_turn',
  'forward_extremities',
  'backward_extremities',
  'room_aliases',
] as const

/** Deletes some of what tables keep of a room beside events and states; gives how much, 0 when nothing is left. */
export async function deleteSomeOfRoom(txn: Transaction, roomNid: number, limit: number): Promise<number> {
  const counts = await Promise.all([
    ...largeTables.map(([table, column]) =>
      txn.run(
        `DELETE FROM ${table} WHERE room_nid = ? AND ${column} IN
           (SELECT ${column} FROM ${table} WHERE room_nid = ? LIMIT ?)`,
        roomNid,
        roomNid,
        limit,
      ),
    ),
    deleteAuthStretches(txn, roomNid, limit),
    ...smallTables.map((table) => txn.run(`DELETE FROM ${table} WHERE room_nid = ?`, roomNid)),
  ])
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * Deletes what the next few accounts after `after` have noted about a room; gives the last of them, undefined when there
 * is none. No index leads from rooms to such notes, since nothing else asks for them.
 */
export async function deleteAccountDataOfRoom(
  txn: Transaction,
  page: { readonly roomId: string; readonly after: string; readonly limit: number },
): Promise<string | undefined> {
  const rows = await txn.all<{ userId: string }>(
    'SELECT user_id AS "userId" FROM accounts WHERE user_id > ? ORDER BY user_id LIMIT ?',
    page.after,
    page.limit,
  )
  const userIds = rows.map((row) => row.userId)
  await txn.run('DELETE FROM account_data WHERE room_id = ? AND user_id IN @texts(?)', page.roomId, userIds)
  return userIds.at(-1)
}

/** Deletes a room's own row. */
export async function deleteRoom(txn: Transaction, roomNid: number): Promise<void> {
  await txn.run('DELETE FROM rooms WHERE room_nid = ?', roomNid)
}
