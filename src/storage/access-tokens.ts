import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** What an access token stands for, with what is needed of its account. */
export interface AccessTokenRow {
  readonly userId: UserId
  readonly deviceId: string
  /** Milliseconds since 1970; null when it does not expire. */
  readonly expiresTs: number | null
  /** The hash of the refresh token it came from, as long as it was never used. */
  readonly refreshedFrom: string | null
  readonly admin: 0 | 1
}

/** A token to be stored: hash (base64url of SHA-256), whose, when made. */
export interface NewToken {
  readonly tokenHash: string
  readonly userId: UserId
  readonly deviceId: string
  readonly createdTs: number
  readonly refreshedFrom: string | null
}

/** The access token with this hash. Tokens of deactivated accounts are not found. */
export function accessToken(txn: Transaction, tokenHash: string): Promise<AccessTokenRow | undefined> {
  return txn.get<AccessTokenRow>(
    `SELECT t.user_id AS "userId", t.device_id AS "deviceId", t.expires_ts AS "expiresTs",
       t.refreshed_from AS "refreshedFrom", a.admin
     FROM access_tokens t JOIN accounts a ON a.user_id = t.user_id
     WHERE t.token_hash = ? AND a.deactivated_ts IS NULL`,
    tokenHash,
  )
}

/** Stores an access token; `expiresTs` in milliseconds since 1970, null for never. */
export async function insertAccessToken(txn: Transaction, token: NewToken, expiresTs: number | null): Promise<void> {
  await txn.run(
    `INSERT INTO access_tokens (token_hash, user_id, device_id, created_ts, expires_ts, refreshed_from)
     VALUES (?, ?, ?, ?, ?, ?)`,
    token.tokenHash,
    token.userId,
    token.deviceId,
    token.createdTs,
    expiresTs,
    token.refreshedFrom,
  )
}

/** Removes every access and refresh token of these devices; gives the hashes of the access tokens. */
export async function deleteTokensOfDevices(
  txn: Transaction,
  userId: UserId,
  deviceIds: readonly string[],
): Promise<string[]> {
  await txn.run(`DELETE FROM refresh_tokens WHERE user_id = ? AND device_id IN @texts(?)`, userId, deviceIds)
  const rows = await txn.all<{ tokenHash: string }>(
    `DELETE FROM access_tokens WHERE user_id = ? AND device_id IN @texts(?) RETURNING token_hash AS "tokenHash"`,
    userId,
    deviceIds,
  )
  return rows.map((row) => row.tokenHash)
}

/**
 * The first use of a refreshed access token: revokes the refresh token it came from and the device's other access
 * tokens. Gives the hashes of these.
 */
export async function confirmRefreshed(
  txn: Transaction,
  tokenHash: string,
  token: AccessTokenRow & { readonly refreshedFrom: string },
): Promise<string[]> {
  await txn.run(`UPDATE access_tokens SET refreshed_from = NULL WHERE token_hash = ?`, tokenHash)
  await txn.run(
    `UPDATE refresh_tokens SET refreshed_from = NULL WHERE user_id = ? AND device_id = ? AND refreshed_from = ?`,
    token.userId,
    token.deviceId,
    token.refreshedFrom,
  )
  await txn.run(`DELETE FROM refresh_tokens WHERE token_hash = ?`, token.refreshedFrom)
  const rows = await txn.all<{ tokenHash: string }>(
    `DELETE FROM access_tokens WHERE user_id = ? AND device_id = ? AND token_hash <> ?
     RETURNING token_hash AS "tokenHash"`,
    token.userId,
    token.deviceId,
    tokenHash,
  )
  return rows.map((row) => row.tokenHash)
}

/** Whose a refresh token is. */
export interface RefreshTokenRow {
  readonly userId: UserId
  readonly deviceId: string
  readonly refreshedFrom: string | null
}

/** The refresh token with this hash. */
export function refreshToken(txn: Transaction, tokenHash: string): Promise<RefreshTokenRow | undefined> {
  return txn.get<RefreshTokenRow>(
    `SELECT user_id AS "userId", device_id AS "deviceId", refreshed_from AS "refreshedFrom"
     FROM refresh_tokens WHERE token_hash = ?`,
    tokenHash,
  )
}

/** Stores a refresh token. */
export async function insertRefreshToken(txn: Transaction, token: NewToken): Promise<void> {
  await txn.run(
    `INSERT INTO refresh_tokens (token_hash, user_id, device_id, created_ts, refreshed_from) VALUES (?, ?, ?, ?, ?)`,
    token.tokenHash,
    token.userId,
    token.deviceId,
    token.createdTs,
    token.refreshedFrom,
  )
}

/** The first use of a refreshed refresh token: revokes the one it came from. */
export async function confirmRefreshToken(txn: Transaction, tokenHash: string, refreshedFrom: string): Promise<void> {
  await txn.run(`DELETE FROM refresh_tokens WHERE token_hash = ?`, refreshedFrom)
  await txn.run(`UPDATE refresh_tokens SET refreshed_from = NULL WHERE token_hash = ?`, tokenHash)
}

/**
 * Removes the never used tokens that an earlier use of the refresh token `refreshedFrom` gave: their answer was lost,
 * or the client would not ask again. Gives the hashes of the access tokens.
 */
export async function deleteUnusedRefreshed(
  txn: Transaction,
  token: { readonly userId: UserId; readonly deviceId: string },
  refreshedFrom: string,
): Promise<string[]> {
  await txn.run(
    `DELETE FROM refresh_tokens WHERE user_id = ? AND device_id = ? AND refreshed_from = ?`,
    token.userId,
    token.deviceId,
    refreshedFrom,
  )
  const rows = await txn.all<{ tokenHash: string }>(
    `DELETE FROM access_tokens WHERE user_id = ? AND device_id = ? AND refreshed_from = ?
     RETURNING token_hash AS "tokenHash"`,
    token.userId,
    token.deviceId,
    refreshedFrom,
  )
  return rows.map((row) => row.tokenHash)
}
