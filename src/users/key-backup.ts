import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import {
  backupByVersion,
  backupSessions,
  currentBackup,
  deleteBackup,
  deleteSessions,
  insertBackup,
  putSessions,
  sessionRanks,
  setBackupAuthData,
  touchBackup,
  type BackupSessionRow,
  type BackupVersion,
  type KeyBackupRow,
} from '#storage/key-backup.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { replaces, type KeyQuality } from './key-backup/replaces.ts'
import { roomsText, roomText, sessionText } from './key-backup/sessions-text.ts'

/** Largest `auth_data` of a backup, in bytes of JSON. */
export const backupAuthDataBytesMax = 65_536

/** Largest encrypted key, in bytes of JSON. */
export const backupSessionBytesMax = 65_536

/** Most keys in one upload. */
export const backupSessionsPerUploadMax = 10_000

/** Longest algorithm and session id, in bytes. */
const backupNameBytesMax = 255

/** A version of a backup, as clients see it. */
export interface KeyBackupInfo {
  readonly version: string
  readonly algorithm: string
  readonly auth_data: JsonObject
  readonly count: number
  readonly etag: string
}

/** How much a backup holds after a change. */
export interface KeyBackupState {
  readonly count: number
  readonly etag: string
}

/** The key of a session, as uploaded. */
export interface UploadedSession extends KeyQuality {
  readonly roomId: RoomId
  readonly sessionId: string
  /** Encrypted by the client. */
  readonly sessionData: JsonObject
}

/** Which keys of a backup: all, those of a room, or that of one session. */
export interface BackupScope {
  readonly roomId?: RoomId
  readonly sessionId?: string
}

/**
 * Encrypted copies of the keys that a user's devices know, in versions of which only the latest is written to.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
export class KeyBackup {
  readonly #database: Database

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** Makes an empty backup the current one; gives its version. Throws M_TOO_LARGE and M_INVALID_PARAM. */
  async create(userId: UserId, algorithm: string, authData: JsonObject): Promise<string> {
    checkName('algorithm', algorithm)
    const text = limitedText('auth_data', authData, backupAuthDataBytesMax)
    const version = await this.#database.runInteraction('create_key_backup', (txn) =>
      insertBackup(txn, userId, algorithm, text),
    )
    return String(version)
  }

  /** The named version, or else the current one. Throws M_NOT_FOUND. */
  async info(userId: UserId, version?: string): Promise<KeyBackupInfo> {
    const row = await this.#database.runInteraction(
      'read_key_backup',
      (txn) => (version === undefined ? existingCurrent(txn, userId) : existing(txn, userId, version)),
      { readOnly: true },
    )
    const { algorithm, sessionCount: count } = row
    const authData = JSON.parse(row.authData) as JsonObject
    return { version: String(row.version), algorithm, auth_data: authData, count, etag: String(row.etag) }
  }

  /** Replaces the `auth_data` of a version. Throws M_NOT_FOUND, and M_INVALID_PARAM for another algorithm. */
  async update(userId: UserId, version: string, algorithm: string, authData: JsonObject): Promise<void> {
    const text = limitedText('auth_data', authData, backupAuthDataBytesMax)
    await this.#database.runInteraction('update_key_backup', async (txn) => {
      const row = await existing(txn, userId, version)
      if (row.algorithm !== algorithm) throw new MatrixError('M_INVALID_PARAM', `algorithm must be ${row.algorithm}`)
      await setBackupAuthData(txn, { userId, version: row.version }, text)
    })
  }

  /** Deletes a version and its keys; once more does nothing. Throws M_NOT_FOUND when there never was such a one. */
  async delete(userId: UserId, version: string): Promise<void> {
    await this.#database.runInteraction('delete_key_backup', async (txn) => {
      const backup = { userId, version: versionNumber(version) }
      const row = await backupByVersion(txn, backup)
      if (row === undefined) throw unknownVersion()
      if (!row.deleted) await deleteBackup(txn, backup)
    })
  }

  /**
   * Stores keys in the current version, each where it is better than the stored one (`replaces`). Throws
   * M_WRONG_ROOM_KEYS_VERSION with `current_version` when `version` is another, M_NOT_FOUND when there is no backup,
   * M_TOO_LARGE, M_INVALID_PARAM. Five statements, whatever the number of keys.
   */
  async store(userId: UserId, version: string, sessions: readonly UploadedSession[]): Promise<KeyBackupState> {
    if (sessions.length > backupSessionsPerUploadMax) {
      throw new MatrixError('M_TOO_LARGE', `At most ${backupSessionsPerUploadMax} keys may be stored at once`)
    }
    const uploaded = sessions.map(rowOf)
    return this.#database.runInteraction('store_backup_sessions', async (txn) => {
      const current = await existingCurrent(txn, userId)
      if (String(current.version) !== version) {
        const extra = { current_version: String(current.version) }
        throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'This is not the current version of the backup.', { extra })
      }
      const backup = { userId, version: current.version }
      const { kept, added } = await betterThanStored(txn, backup, uploaded)
      if (kept.length === 0) return stateOf(current)
      await putSessions(txn, backup, kept)
      await touchBackup(txn, backup, added)
      return { count: current.sessionCount + added, etag: String(current.etag + 1) }
    })
  }

  /** The keys of a version as JSON text: `{"rooms":…}`, `{"sessions":…}` of a room, or one key. Throws M_NOT_FOUND. */
  async read(userId: UserId, version: string, scope: BackupScope): Promise<string> {
    if (scope.sessionId !== undefined) checkName('session id', scope.sessionId)
    const rows = await this.#database.runInteraction(
      'read_backup_sessions',
      async (txn) => {
        const row = await existing(txn, userId, version)
        return backupSessions(txn, { userId, version: row.version }, scope.roomId, scope.sessionId)
      },
      { readOnly: true },
    )
    if (scope.roomId === undefined) return roomsText(rows)
    if (scope.sessionId === undefined) return roomText(rows)
    const [row] = rows
    if (row === undefined) throw new MatrixError('M_NOT_FOUND', 'The backup has no key of this session.')
    return sessionText(row)
  }

  /** Deletes keys of a version; those that are not there do not matter. Throws M_NOT_FOUND for an unknown version. */
  async deleteKeys(userId: UserId, version: string, scope: BackupScope): Promise<KeyBackupState> {
    if (scope.sessionId !== undefined) checkName('session id', scope.sessionId)
    return this.#database.runInteraction('delete_backup_sessions', async (txn) => {
      const row = await existing(txn, userId, version)
      const backup = { userId, version: row.version }
      const deleted = await deleteSessions(txn, backup, scope.roomId, scope.sessionId)
      if (deleted === 0) return stateOf(row)
      await touchBackup(txn, backup, -deleted)
      return { count: row.sessionCount - deleted, etag: String(row.etag + 1) }
    })
  }
}

async function existingCurrent(txn: Transaction, userId: UserId): Promise<KeyBackupRow> {
  const row = await currentBackup(txn, userId)
  if (row === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no key backup: make one first.')
  return row
}

async function existing(txn: Transaction, userId: UserId, version: string): Promise<KeyBackupRow> {
  const row = await backupByVersion(txn, { userId, version: versionNumber(version) })
  if (row === undefined || row.deleted) throw unknownVersion()
  return row
}

/** The uploaded keys that are to be stored, and how many sessions are new among them. One query. */
async function betterThanStored(
  txn: Transaction,
  backup: BackupVersion,
  uploaded: readonly BackupSessionRow[],
): Promise<{ readonly kept: BackupSessionRow[]; readonly added: number }> {
  if (uploaded.length === 0) return { kept: [], added: 0 }
  const roomIds = [...new Set(uploaded.map((row) => row.roomId))]
  const sessionIds = [...new Set(uploaded.map((row) => row.sessionId))]
  const ranks = await sessionRanks(txn, backup, roomIds, sessionIds)
  const stored = new Map(ranks.map((rank) => [`${rank.roomId} ${rank.sessionId}`, rank]))
  const kept: BackupSessionRow[] = []
  let added = 0
  for (const row of uploaded) {
    const before = stored.get(`${row.roomId} ${row.sessionId}`)
    if (before !== undefined && !replaces(row, before)) continue
    if (before === undefined) added += 1
    kept.push(row)
    stored.set(`${row.roomId} ${row.sessionId}`, row)
  }
  return { kept, added }
}

function rowOf(session: UploadedSession): BackupSessionRow {
  checkName('session id', session.sessionId)
  return { ...session, sessionData: limitedText('session_data', session.sessionData, backupSessionBytesMax) }
}

function stateOf(row: KeyBackupRow): KeyBackupState {
  return { count: row.sessionCount, etag: String(row.etag) }
}

function limitedText(field: string, value: JsonObject, bytesMax: number): string {
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) <= bytesMax) return text
  throw new MatrixError('M_TOO_LARGE', `${field} must not be larger than ${bytesMax} bytes`)
}

function checkName(what: string, name: string): void {
  if (name !== '' && Buffer.byteLength(name) <= backupNameBytesMax && !name.includes('\0')) return
  throw new MatrixError('M_INVALID_PARAM', `${what} must have 1 to ${backupNameBytesMax} bytes`)
}

/** Versions are printed numbers; any other text is a version that never was. */
function versionNumber(version: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(version)) return Number(version)
  throw unknownVersion()
}

function unknownVersion(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'There is no such version of the key backup.')
}
