import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** A signature that was uploaded apart from the key it signs. */
export interface KeySignatureRow {
  /** Whose key is signed. */
  readonly userId: UserId
  /** Which key: a device id, or a public cross-signing key. */
  readonly target: string
  readonly signerId: UserId
  /** The key that signed, `ed25519:` and a device id or public key. */
  readonly signerKey: string
  /** Unpadded base64. */
  readonly signature: string
}

/**
 * The signatures on keys of these users that `requester` may see: those that the users made themselves, and the
 * requester's own. One query. https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
 */
export async function visibleSignatures(
  txn: Transaction,
  userIds: readonly UserId[],
  requester: UserId,
): Promise<KeySignatureRow[]> {
  const rows = await txn.all<{
    user_id: string
    target: string
    signer_id: string
    signer_key: string
    signature: string
  }>(
    `SELECT user_id, target, signer_id, signer_key, signature FROM key_signatures
        WHERE user_id IN @texts(?) AND signer_id = user_id
      UNION SELECT user_id, target, signer_id, signer_key, signature FROM key_signatures
        WHERE user_id IN @texts(?) AND signer_id = ?`,
    userIds,
    userIds,
    requester,
  )
  return rows.map((row) => ({
    userId: row.user_id as UserId,
    target: row.target,
    signerId: row.signer_id as UserId,
    signerKey: row.signer_key,
    signature: row.signature,
  }))
}

/** Stores signatures, each in place of an earlier one by the same key. */
export async function putSignatures(txn: Transaction, signatures: readonly KeySignatureRow[]): Promise<void> {
  await txn.runMany(
    `INSERT INTO key_signatures (user_id, signer_id, target, signer_key, signature) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (user_id, signer_id, target, signer_key) DO UPDATE SET signature = excluded.signature`,
    signatures.map((each) => [each.userId, each.signerId, each.target, each.signerKey, each.signature]),
  )
}

/** Forgets every signature on these keys of a user. */
export async function deleteSignaturesOn(txn: Transaction, userId: UserId, targets: readonly string[]): Promise<void> {
  await txn.run('DELETE FROM key_signatures WHERE user_id = ? AND target IN @texts(?)', userId, targets)
}

/** Forgets every signature made by these keys (`ed25519:…`) of a user, whatever they sign. */
export async function deleteSignaturesBy(
  txn: Transaction,
  signerId: UserId,
  signerKeys: readonly string[],
): Promise<void> {
  await txn.run('DELETE FROM key_signatures WHERE signer_id = ? AND signer_key IN @texts(?)', signerId, signerKeys)
}
