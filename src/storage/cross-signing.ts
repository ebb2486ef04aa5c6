import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** What a cross-signing key is for. https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export type KeyUsage = 'master' | 'self_signing' | 'user_signing'

/** A cross-signing key of a user. */
export interface CrossSigningKeyRow {
  readonly userId: UserId
  readonly usage: KeyUsage
  /** Unpadded base64. */
  readonly publicKey: string
  /** The CrossSigningKey object as uploaded, JSON text. */
  readonly json: string
}

/** The cross-signing keys of these users; one query. */
export async function crossSigningKeysOf(txn: Transaction, userIds: readonly UserId[]): Promise<CrossSigningKeyRow[]> {
  const rows = await txn.all<{ user_id: string; usage: string; public_key: string; json: string }>(
    'SELECT user_id, usage, public_key, json FROM cross_signing_keys WHERE user_id IN @texts(?)',
    userIds,
  )
  return rows.map((row) => ({
    userId: row.user_id as UserId,
    usage: row.usage as KeyUsage,
    publicKey: row.public_key,
    json: row.json,
  }))
}

/** Stores keys, each in place of the one its user had for that use. */
export async function putCrossSigningKeys(txn: Transaction, keys: readonly CrossSigningKeyRow[]): Promise<void> {
  await txn.runMany(
    `INSERT INTO cross_signing_keys (user_id, usage, public_key, json) VALUES (?, ?, ?, ?)
      ON CONFLICT (user_id, usage) DO UPDATE SET public_key = excluded.public_key, json = excluded.json`,
    keys.map((key) => [key.userId, key.usage, key.publicKey, key.json]),
  )
}

/** Forgets the user's keys for these uses. */
export async function deleteCrossSigningKeys(
  txn: Transaction,
  userId: UserId,
  usages: readonly KeyUsage[],
): Promise<void> {
  await txn.run('DELETE FROM cross_signing_keys WHERE user_id = ? AND usage IN @texts(?)', userId, usages)
}
