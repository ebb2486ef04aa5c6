import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** The identity keys of one device. */
export interface DeviceKeysRow {
  readonly userId: UserId
  readonly deviceId: string
  /** The DeviceKeys object as uploaded, JSON text. */
  readonly json: string
  /** The name that its user gave the device. */
  readonly displayName: string | null
}

type Stored = { user_id: string; device_id: string; json: string; display_name: string | null }

/** The keys of every device of these users that still exists and has keys; one query. */
export async function deviceKeysOfUsers(txn: Transaction, userIds: readonly UserId[]): Promise<DeviceKeysRow[]> {
  const rows = await txn.all<Stored>(
    `SELECT k.user_id, k.device_id, k.json, d.display_name FROM device_keys k
      JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
      WHERE k.user_id IN @texts(?) ORDER BY k.user_id, k.device_id`,
    userIds,
  )
  return rows.map(rowOf)
}

/** The keys of some devices of one user; devices that are gone or without keys are missing from the answer. */
export async function deviceKeysOf(
  txn: Transaction,
  userId: UserId,
  deviceIds: readonly string[],
): Promise<DeviceKeysRow[]> {
  const rows = await txn.all<Stored>(
    `SELECT k.user_id, k.device_id, k.json, d.display_name FROM device_keys k
      JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
      WHERE k.user_id = ? AND k.device_id IN @texts(?)`,
    userId,
    deviceIds,
  )
  return rows.map(rowOf)
}

/** Stores the keys of a device in place of those it had. */
export async function putDeviceKeys(txn: Transaction, userId: UserId, deviceId: string, json: string): Promise<void> {
  await txn.run(
    `INSERT INTO device_keys (user_id, device_id, json) VALUES (?, ?, ?)
      ON CONFLICT (user_id, device_id) DO UPDATE SET json = excluded.json`,
    userId,
    deviceId,
    json,
  )
}

/** Forgets the keys of these devices; gives how many had any. */
export function deleteDeviceKeys(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<number> {
  return txn.run('DELETE FROM device_keys WHERE user_id = ? AND device_id IN @texts(?)', userId, deviceIds)
}

/** Which of these ids are devices of the user, with or without keys. */
export async function existingDevices(
  txn: Transaction,
  userId: UserId,
  deviceIds: readonly string[],
): Promise<Set<string>> {
  const rows = await txn.all<{ device_id: string }>(
    'SELECT device_id FROM devices WHERE user_id = ? AND device_id IN @texts(?)',
    userId,
    deviceIds,
  )
  return new Set(rows.map((row) => row.device_id))
}

/** Every device of these users, with or without keys; one query. */
export async function devicesOfUsers(
  txn: Transaction,
  userIds: readonly UserId[],
): Promise<{ readonly userId: UserId; readonly deviceId: string }[]> {
  const rows = await txn.all<{ user_id: string; device_id: string }>(
    'SELECT user_id, device_id FROM devices WHERE user_id IN @texts(?)',
    userIds,
  )
  return rows.map((row) => ({ userId: row.user_id as UserId, deviceId: row.device_id }))
}

/** Which of these users have an account here. */
export async function existingUsers(txn: Transaction, userIds: readonly UserId[]): Promise<UserId[]> {
  const rows = await txn.all<{ user_id: string }>('SELECT user_id FROM accounts WHERE user_id IN @texts(?)', userIds)
  return rows.map((row) => row.user_id as UserId)
}

function rowOf(row: Stored): DeviceKeysRow {
  return {
    userId: row.user_id as UserId,
    deviceId: row.device_id,
    json: row.json,
    displayName: row.display_name,
  }
}
