import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** A feature that was switched for a user; `enabled` is 0 or 1. */
export interface FlagRow {
  readonly flag: string
  readonly enabled: 0 | 1
}

/** The features that were switched for a user, by name. */
export function userFlags(txn: Transaction, userId: UserId): Promise<FlagRow[]> {
  return txn.all<FlagRow>(`SELECT flag, enabled FROM user_flags WHERE user_id = ? ORDER BY flag`, userId)
}

/** Switches features for a user; others stay as they are. */
export async function setUserFlags(txn: Transaction, userId: UserId, flags: readonly FlagRow[]): Promise<void> {
  await txn.runMany(
    `INSERT INTO user_flags (user_id, flag, enabled) VALUES (?, ?, ?)
     ON CONFLICT (user_id, flag) DO UPDATE SET enabled = excluded.enabled`,
    flags.map(({ flag, enabled }) => [userId, flag, enabled]),
  )
}
