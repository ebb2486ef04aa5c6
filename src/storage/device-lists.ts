import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** Notes that the device list of `userId` changed at `position`; a later change that is noted already stays. */
export async function putDeviceListChange(txn: Transaction, userId: UserId, position: number): Promise<void> {
  await txn.run(
    `INSERT INTO device_list_changes (user_id, stream_position) VALUES (?, ?)
      ON CONFLICT (user_id) DO UPDATE SET stream_position = excluded.stream_position
      WHERE excluded.stream_position > device_list_changes.stream_position`,
    userId,
    position,
  )
}

/** Notes that `observer` signed keys of these users at `position`. */
export async function putSignatureChanges(
  txn: Transaction,
  observer: UserId,
  userIds: readonly UserId[],
  position: number,
): Promise<void> {
  await txn.runMany(
    `INSERT INTO key_signature_changes (observer_id, user_id, stream_position) VALUES (?, ?, ?)
      ON CONFLICT (observer_id, user_id) DO UPDATE SET stream_position = excluded.stream_position
      WHERE excluded.stream_position > key_signature_changes.stream_position`,
    userIds.map((userId) => [observer, userId, position]),
  )
}

/** The users whose device list changed after `from`. */
export async function deviceListChangesAfter(txn: Transaction, from: number): Promise<UserId[]> {
  const rows = await txn.all<{ user_id: string }>(
    'SELECT user_id FROM device_list_changes WHERE stream_position > ? ORDER BY stream_position',
    from,
  )
  return rows.map((row) => row.user_id as UserId)
}

/** The users whose keys `observer` signed after `from`. */
export async function signatureChangesAfter(txn: Transaction, observer: UserId, from: number): Promise<UserId[]> {
  const rows = await txn.all<{ user_id: string }>(
    'SELECT user_id FROM key_signature_changes WHERE observer_id = ? AND stream_position > ?',
    observer,
    from,
  )
  return rows.map((row) => row.user_id as UserId)
}
