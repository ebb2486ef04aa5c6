import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** The JSON text of a user's filter. */
export async function filterDefinition(
  txn: Transaction,
  userId: UserId,
  filterId: string,
): Promise<string | undefined> {
  const row = await txn.get<{ definition: string }>(
    `SELECT definition FROM filters WHERE user_id = ? AND filter_id = ?`,
    userId,
    filterId,
  )
  return row?.definition
}

/** Keeps a filter under its id; when the id is taken nothing changes, for an id stands for one definition. */
export async function insertFilter(
  txn: Transaction,
  userId: UserId,
  filterId: string,
  definition: string,
): Promise<void> {
  await txn.run(
    `INSERT INTO filters (user_id, filter_id, definition) VALUES (?, ?, ?)
     ON CONFLICT (user_id, filter_id) DO NOTHING`,
    userId,
    filterId,
    definition,
  )
}

/** How many filters a user has. */
export async function countFilters(txn: Transaction, userId: UserId): Promise<number> {
  const row = await txn.get<{ count: number }>(`SELECT COUNT(*) AS count FROM filters WHERE user_id = ?`, userId)
  return row?.count ?? 0
}
