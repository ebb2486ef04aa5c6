import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** One field of a profile; `value` is JSON text. */
export interface ProfileFieldRow {
  readonly field: string
  readonly value: string
}

/** Every field of a user's profile, by name. */
export function profileFields(txn: Transaction, userId: UserId): Promise<ProfileFieldRow[]> {
  return txn.all<{ field: string; value: string }>(
    `SELECT field, value FROM profiles WHERE user_id = ? ORDER BY field`,
    userId,
  )
}

/** Sets one field to JSON text. */
export async function setProfileField(txn: Transaction, userId: UserId, field: string, value: string): Promise<void> {
  await txn.run(
    `INSERT INTO profiles (user_id, field, value) VALUES (?, ?, ?)
     ON CONFLICT (user_id, field) DO UPDATE SET value = excluded.value`,
    userId,
    field,
    value,
  )
}

/** Removes one field; false when it was not there. */
export async function deleteProfileField(txn: Transaction, userId: UserId, field: string): Promise<boolean> {
  return (await txn.run(`DELETE FROM profiles WHERE user_id = ? AND field = ?`, userId, field)) > 0
}

/** Removes the whole profile. */
export async function deleteProfile(txn: Transaction, userId: UserId): Promise<void> {
  await txn.run(`DELETE FROM profiles WHERE user_id = ?`, userId)
}
