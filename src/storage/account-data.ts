import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** One piece of account data. `roomId` is '' for global data; `content` is JSON text. */
export interface AccountDataRow {
  readonly roomId: RoomId | ''
  readonly type: string
  readonly content: string
}

/** The content of one type in one room ('' for global). */
export async function accountData(
  txn: Transaction,
  userId: UserId,
  roomId: RoomId | '',
  type: string,
): Promise<string | undefined> {
  const row = await txn.get<{ content: string }>(
    `SELECT content FROM account_data WHERE user_id = ? AND room_id = ? AND type = ?`,
    userId,
    roomId,
    type,
  )
  return row?.content
}

/** Sets the content of one type at a stream position. */
export async function setAccountData(
  txn: Transaction,
  userId: UserId,
  row: AccountDataRow & { readonly position: number },
): Promise<void> {
  await txn.run(
    `INSERT INTO account_data (user_id, room_id, type, content, stream_position) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (user_id, room_id, type)
     DO UPDATE SET content = excluded.content, stream_position = excluded.stream_position`,
    userId,
    row.roomId,
    row.type,
    row.content,
    row.position,
  )
}

/** Everything a user has, in stream order. */
export function allAccountData(txn: Transaction, userId: UserId): Promise<AccountDataRow[]> {
  return txn.all<AccountDataRow>(
    `SELECT room_id AS "roomId", type, content FROM account_data WHERE user_id = ? ORDER BY stream_position`,
    userId,
  )
}

/** What a user's data changed to after position `from`, up to and including `to`, in stream order. */
export function accountDataBetween(
  txn: Transaction,
  userId: UserId,
  from: number,
  to: number,
): Promise<AccountDataRow[]> {
  return txn.all<AccountDataRow>(
    `SELECT room_id AS "roomId", type, content FROM account_data
     WHERE user_id = ? AND stream_position > ? AND stream_position <= ? ORDER BY stream_position`,
    userId,
    from,
    to,
  )
}

/** How many pieces a user has. */
export async function countAccountData(txn: Transaction, userId: UserId): Promise<number> {
  const row = await txn.get<{ count: number }>(`SELECT COUNT(*) AS count FROM account_data WHERE user_id = ?`, userId)
  return row?.count ?? 0
}

/** Removes everything a user has. */
export async function deleteAccountData(txn: Transaction, userId: UserId): Promise<void> {
  await txn.run(`DELETE FROM account_data WHERE user_id = ?`, userId)
}

/** The global account data of several users of some types, with the position of its last change. */
export function accountDataOfUsers(
  txn: Transaction,
  userIds: readonly UserId[],
  types: readonly string[],
): Promise<{ userId: UserId; type: string; content: string; position: number }[]> {
  return txn.all(
    `SELECT user_id AS "userId", type, content, stream_position AS position FROM account_data
     WHERE user_id IN @texts(?) AND room_id = '' AND type IN @texts(?)`,
    userIds,
    types,
  )
}
