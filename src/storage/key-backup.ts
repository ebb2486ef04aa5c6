import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** One version of a user's key backup. */
export interface KeyBackupRow {
  readonly version: number
  readonly algorithm: string
  /** JSON text of an object. */
  readonly authData: string
  /** Grows by one with each change of the stored keys. */
  readonly etag: number
  readonly sessionCount: number
  readonly deleted: boolean
}

/** A version of a user's backup, by its key. */
export interface BackupVersion {
  readonly userId: UserId
  readonly version: number
}

/** What decides which of two keys of a session is kept. */
export interface SessionRank {
  readonly roomId: string
  readonly sessionId: string
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
}

/** A backed up key of a session. */
export interface BackupSessionRow extends SessionRank {
  /** Encrypted by the client: JSON text of an object. */
  readonly sessionData: string
}

type StoredBackup = {
  version: number
  algorithm: string
  auth_data: string
  etag: number
  session_count: number
  deleted: number
}

type StoredSession = {
  room_id: string
  session_id: string
  first_message_index: number
  forwarded_count: number
  is_verified: number
  session_data: string
}

/** The latest version that is not deleted, or undefined. */
export async function currentBackup(txn: Transaction, userId: UserId): Promise<KeyBackupRow | undefined> {
  const row = await txn.get<StoredBackup>(
    `SELECT version, algorithm, auth_data, etag, session_count, deleted FROM key_backups
      WHERE user_id = ? AND deleted = 0 ORDER BY version DESC LIMIT 1`,
    userId,
  )
  return row === undefined ? undefined : backupOf(row)
}

/** A version, deleted ones too, or undefined when there never was one of that number. */
export async function backupByVersion(txn: Transaction, backup: BackupVersion): Promise<KeyBackupRow | undefined> {
  const row = await txn.get<StoredBackup>(
    `SELECT version, algorithm, auth_data, etag, session_count, deleted FROM key_backups
      WHERE user_id = ? AND version = ?`,
    backup.userId,
    backup.version,
  )
  return row === undefined ? undefined : backupOf(row)
}

/**
 * Adds an empty version after all that there ever were; gives its number, 1 for the first. Two at once conflict, and
 * PostgreSQL runs one of them anew.
 */
export async function insertBackup(
  txn: Transaction,
  userId: UserId,
  algorithm: string,
  authData: string,
): Promise<number> {
  const last = await txn.get<{ version: number | null }>(
    'SELECT MAX(version) AS version FROM key_backups WHERE user_id = ?',
    userId,
  )
  const version = (last?.version ?? 0) + 1
  await txn.run(
    `INSERT INTO key_backups (user_id, version, algorithm, auth_data) VALUES (?, ?, ?, ?)
      ON CONFLICT (user_id, version) DO NOTHING`,
    userId,
    version,
    algorithm,
    authData,
  )
  return version
}

/** Replaces what a version says of how to check and decrypt it. */
export async function setBackupAuthData(txn: Transaction, backup: BackupVersion, authData: string): Promise<void> {
  await txn.run(
    'UPDATE key_backups SET auth_data = ? WHERE user_id = ? AND version = ?',
    authData,
    backup.userId,
    backup.version,
  )
}

/** Marks a version as deleted and forgets its keys. */
export async function deleteBackup(txn: Transaction, backup: BackupVersion): Promise<void> {
  await txn.run(
    `UPDATE key_backups SET deleted = 1, session_count = 0, auth_data = '{}' WHERE user_id = ? AND version = ?`,
    backup.userId,
    backup.version,
  )
  await txn.run('DELETE FROM key_backup_sessions WHERE user_id = ? AND version = ?', backup.userId, backup.version)
}

/** Notes that the keys changed: the next etag, and `added` more keys (fewer when negative). */
export async function touchBackup(txn: Transaction, backup: BackupVersion, added: number): Promise<void> {
  await txn.run(
    `UPDATE key_backups SET etag = etag + 1, session_count = session_count + ? WHERE user_id = ? AND version = ?`,
    added,
    backup.userId,
    backup.version,
  )
}

/** The ranks of stored keys that have one of these session ids, in whatever room; one query. */
export async function sessionRanks(
  txn: Transaction,
  backup: BackupVersion,
  roomIds: readonly string[],
  sessionIds: readonly string[],
): Promise<SessionRank[]> {
  const rows = await txn.all<Omit<StoredSession, 'session_data'>>(
    `SELECT room_id, session_id, first_message_index, forwarded_count, is_verified FROM key_backup_sessions
      WHERE user_id = ? AND version = ? AND room_id IN @texts(?) AND session_id IN @texts(?)`,
    backup.userId,
    backup.version,
    roomIds,
    sessionIds,
  )
  return rows.map(rankOf)
}

/** Stores keys, each in place of the one stored for its session. */
export async function putSessions(
  txn: Transaction,
  backup: BackupVersion,
  sessions: readonly BackupSessionRow[],
): Promise<void> {
  await txn.runMany(
    `INSERT INTO key_backup_sessions
        (user_id, version, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
        first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
        is_verified = excluded.is_verified, session_data = excluded.session_data`,
    sessions.map((session) => [
      backup.userId,
      backup.version,
      session.roomId,
      session.sessionId,
      session.firstMessageIndex,
      session.forwardedCount,
      session.isVerified ? 1 : 0,
      session.sessionData,
    ]),
  )
}

/** The keys of a version, ordered by room; only of a room, or of one session, when those are given. */
export async function backupSessions(
  txn: Transaction,
  backup: BackupVersion,
  roomId?: string,
  sessionId?: string,
): Promise<BackupSessionRow[]> {
  const columns = 'room_id, session_id, first_message_index, forwarded_count, is_verified, session_data'
  const where = whereOf(roomId, sessionId)
  const rows = await txn.all<StoredSession>(
    `SELECT ${columns} FROM key_backup_sessions WHERE ${where.text} ORDER BY room_id, session_id`,
    backup.userId,
    backup.version,
    ...where.values,
  )
  return rows.map((row) => ({ ...rankOf(row), sessionData: row.session_data }))
}

/** Forgets the keys of a version, or of a room in it, or of one session; gives how many there were. */
export function deleteSessions(
  txn: Transaction,
  backup: BackupVersion,
  roomId?: string,
  sessionId?: string,
): Promise<number> {
  const where = whereOf(roomId, sessionId)
  return txn.run(`DELETE FROM key_backup_sessions WHERE ${where.text}`, backup.userId, backup.version, ...where.values)
}

/** One of three constant texts, so that each is prepared once. */
function whereOf(roomId?: string, sessionId?: string): { readonly text: string; readonly values: string[] } {
  const text = 'user_id = ? AND version = ?'
  if (roomId === undefined) return { text, values: [] }
  if (sessionId === undefined) return { text: `${text} AND room_id = ?`, values: [roomId] }
  return { text: `${text} AND room_id = ? AND session_id = ?`, values: [roomId, sessionId] }
}

function backupOf(row: StoredBackup): KeyBackupRow {
  return {
    version: row.version,
    algorithm: row.algorithm,
    authData: row.auth_data,
    etag: row.etag,
    sessionCount: row.session_count,
    deleted: row.deleted === 1,
  }
}

function rankOf(row: Omit<StoredSession, 'session_data'>): SessionRank {
  return {
    roomId: row.room_id,
    sessionId: row.session_id,
    firstMessageIndex: row.first_message_index,
    forwardedCount: row.forwarded_count,
    isVerified: row.is_verified === 1,
  }
}
