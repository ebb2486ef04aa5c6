import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** One account of ours. Times in milliseconds since 1970. */
export interface AccountRow {
  readonly userId: UserId
  readonly passwordHash: string | null
  readonly admin: 0 | 1
  readonly userType: string | null
  readonly createdTs: number
  readonly deactivatedTs: number | null
  readonly erased: 0 | 1
}

const columns = `user_id AS "userId", password_hash AS "passwordHash", admin, user_type AS "userType",
  created_ts AS "createdTs", deactivated_ts AS "deactivatedTs", erased`

/** Adds an account; false when the user id is taken, also by a deactivated account. */
export async function insertAccount(
  txn: Transaction,
  account: Pick<AccountRow, 'userId' | 'passwordHash' | 'admin' | 'userType' | 'createdTs'>,
): Promise<boolean> {
  const inserted = await txn.run(
    `INSERT INTO accounts (user_id, password_hash, admin, user_type, created_ts) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (user_id) DO NOTHING`,
    account.userId,
    account.passwordHash,
    account.admin,
    account.userType,
    account.createdTs,
  )
  return inserted === 1
}

/** The accounts among `userIds`, in no order. */
export function accountsByIds(txn: Transaction, userIds: readonly string[]): Promise<AccountRow[]> {
  return txn.all<AccountRow>(`SELECT ${columns} FROM accounts WHERE user_id IN @texts(?)`, userIds)
}

/** True when there is at least one account, deactivated or not. */
export async function anyAccount(txn: Transaction): Promise<boolean> {
  return (await txn.get(`SELECT user_id AS "userId" FROM accounts LIMIT 1`)) !== undefined
}

/** Sets the password's hash; null takes the password away. False when there is no such active account. */
export async function updatePasswordHash(
  txn: Transaction,
  userId: UserId,
  passwordHash: string | null,
): Promise<boolean> {
  return (
    (await txn.run(
      `UPDATE accounts SET password_hash = ? WHERE user_id = ? AND deactivated_ts IS NULL`,
      passwordHash,
      userId,
    )) === 1
  )
}

/** The users who asked to be erased when their account ended. */
export async function erasedUserIds(txn: Transaction): Promise<UserId[]> {
  const rows = await txn.all<{ userId: UserId }>('SELECT user_id AS "userId" FROM accounts WHERE erased = 1')
  return rows.map((row) => row.userId)
}

/** Marks the account deactivated, takes its password, and keeps that erasure was asked for. */
export async function markDeactivated(
  txn: Transaction,
  userId: UserId,
  options: { readonly now: number; readonly erased: boolean },
): Promise<void> {
  await txn.run(
    `UPDATE accounts SET deactivated_ts = COALESCE(deactivated_ts, ?), password_hash = NULL,
       erased = CASE WHEN ? = 1 THEN 1 ELSE erased END WHERE user_id = ?`,
    options.now,
    options.erased ? 1 : 0,
    userId,
  )
}
