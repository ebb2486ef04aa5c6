import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** A message that waits for a device. */
export interface ToDeviceRow {
  readonly userId: UserId
  readonly deviceId: string
  /** The event as the device gets it, JSON text. */
  readonly json: string
}

/** A request to send messages, as far as it tells itself from others. */
export interface ToDeviceRequest {
  readonly userId: UserId
  readonly deviceId: string
  readonly type: string
  readonly txnId: string
}

/** Notes the request at `now` (ms); false when it was noted already, and so is a retransmission. */
export async function noteToDeviceRequest(txn: Transaction, request: ToDeviceRequest, now: number): Promise<boolean> {
  const noted = await txn.run(
    `INSERT INTO to_device_requests (user_id, device_id, type, txn_id, received_ts) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (user_id, device_id, type, txn_id) DO NOTHING`,
    request.userId,
    request.deviceId,
    request.type,
    request.txnId,
    now,
  )
  return noted > 0
}

/** Forgets the requests noted before `before` (ms). */
export async function forgetToDeviceRequests(txn: Transaction, before: number): Promise<void> {
  await txn.run('DELETE FROM to_device_requests WHERE received_ts < ?', before)
}

/** Queues messages at `position`, at most one for each device. */
export async function insertToDevice(
  txn: Transaction,
  messages: readonly ToDeviceRow[],
  position: number,
): Promise<void> {
  await txn.runMany(
    'INSERT INTO to_device_messages (user_id, device_id, stream_position, json) VALUES (?, ?, ?, ?)',
    messages.map((message) => [message.userId, message.deviceId, position, message.json]),
  )
}

/** The first `limit` messages for a device after `from` and up to `upTo`, in order. */
export async function toDeviceBetween(
  txn: Transaction,
  device: { readonly userId: UserId; readonly deviceId: string },
  range: { readonly from: number; readonly upTo: number; readonly limit: number },
): Promise<{ readonly streamPosition: number; readonly json: string }[]> {
  const rows = await txn.all<{ stream_position: number; json: string }>(
    `SELECT stream_position, json FROM to_device_messages
      WHERE user_id = ? AND device_id = ? AND stream_position > ? AND stream_position <= ?
      ORDER BY stream_position LIMIT ?`,
    device.userId,
    device.deviceId,
    range.from,
    range.upTo,
    range.limit,
  )
  return rows.map((row) => ({ streamPosition: row.stream_position, json: row.json }))
}

/** Forgets the messages for a device up to `upTo`; gives how many there were. */
export function deleteToDevice(txn: Transaction, userId: UserId, deviceId: string, upTo: number): Promise<number> {
  return txn.run(
    'DELETE FROM to_device_messages WHERE user_id = ? AND device_id = ? AND stream_position <= ?',
    userId,
    deviceId,
    upTo,
  )
}

/** Forgets everything that waits for these devices, and the requests they made. */
export async function deleteToDeviceOf(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<void> {
  await txn.run('DELETE FROM to_device_messages WHERE user_id = ? AND device_id IN @texts(?)', userId, deviceIds)
  await txn.run('DELETE FROM to_device_requests WHERE user_id = ? AND device_id IN @texts(?)', userId, deviceIds)
}
