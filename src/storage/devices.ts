import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** One device of a user of ours. Times in milliseconds since 1970. */
export interface DeviceRow {
  readonly deviceId: string
  readonly displayName: string | null
  readonly lastSeenTs: number | null
  readonly lastSeenIp: string | null
  readonly lastSeenUserAgent: string | null
}

const columns = `device_id AS "deviceId", display_name AS "displayName", last_seen_ts AS "lastSeenTs",
  last_seen_ip AS "lastSeenIp", last_seen_user_agent AS "lastSeenUserAgent"`

/** Every device of a user, by device id. */
export function devicesOf(txn: Transaction, userId: UserId): Promise<DeviceRow[]> {
  return txn.all<DeviceRow>(`SELECT ${columns} FROM devices WHERE user_id = ? ORDER BY device_id`, userId)
}

/** One device. */
export function device(txn: Transaction, userId: UserId, deviceId: string): Promise<DeviceRow | undefined> {
  return txn.get<DeviceRow>(`SELECT ${columns} FROM devices WHERE user_id = ? AND device_id = ?`, userId, deviceId)
}

/** Adds a device; when it is there already, nothing changes and the answer is false. */
export async function insertDevice(
  txn: Transaction,
  device: {
    readonly userId: UserId
    readonly deviceId: string
    readonly displayName: string | null
    readonly createdTs: number
  },
): Promise<boolean> {
  const inserted = await txn.run(
    `INSERT INTO devices (user_id, device_id, display_name, created_ts) VALUES (?, ?, ?, ?)
     ON CONFLICT (user_id, device_id) DO NOTHING`,
    device.userId,
    device.deviceId,
    device.displayName,
    device.createdTs,
  )
  return inserted === 1
}

/** Renames a device; false when there is none. */
export async function renameDevice(
  txn: Transaction,
  userId: UserId,
  deviceId: string,
  displayName: string,
): Promise<boolean> {
  const changed = await txn.run(
    `UPDATE devices SET display_name = ? WHERE user_id = ? AND device_id = ?`,
    displayName,
    userId,
    deviceId,
  )
  return changed === 1
}

/** Removes devices; gives the ids of those that were there. */
export async function deleteDevices(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<string[]> {
  const rows = await txn.all<{ deviceId: string }>(
    `DELETE FROM devices WHERE user_id = ? AND device_id IN @texts(?) RETURNING device_id AS "deviceId"`,
    userId,
    deviceIds,
  )
  return rows.map((row) => row.deviceId)
}

/** When, from where and with what a device was last seen. */
export interface Sighting {
  readonly userId: UserId
  readonly deviceId: string
  readonly ts: number
  readonly ip: string
  readonly userAgent: string
}

/** Writes when devices were last seen. Devices that are gone stay gone. */
export async function updateLastSeen(txn: Transaction, sightings: readonly Sighting[]): Promise<void> {
  await txn.runMany(
    `UPDATE devices SET last_seen_ts = ?, last_seen_ip = ?, last_seen_user_agent = ?
     WHERE user_id = ? AND device_id = ?`,
    sightings.map((seen) => [seen.ts, seen.ip, seen.userAgent, seen.userId, seen.deviceId]),
  )
}
