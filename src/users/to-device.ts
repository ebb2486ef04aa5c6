import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { serverNameOf, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { devicesOfUsers } from '#storage/device-keys.ts'
import {
  deleteToDevice,
  forgetToDeviceRequests,
  insertToDevice,
  noteToDeviceRequest,
  toDeviceBetween,
  type ToDeviceRow,
} from '#storage/to-device.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Stream } from '#streams/stream.ts'
import type { Requester } from './requester.ts'

/** Largest message, in bytes of JSON with sender and type. */
export const toDeviceMessageBytesMax = 65_536

/** Most devices that a request may name. */
export const toDeviceRecipientsMax = 10_000

/** Longest type and transaction id, in bytes. */
const toDeviceNameBytesMax = 255

/** How long a request is remembered, to know it when it comes again. */
const requestRememberedMs = 24 * 60 * 60 * 1000

/** For how many devices it is kept in memory that nothing waits for them. */
const drainedDevicesMax = 10_000

/** For each user and device, the content of the message; the device `*` stands for all that the user has. */
export type ToDeviceMessages = ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>

/**
 * Messages from device to device, kept until the recipient says that they have arrived.
 * https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging
 */
export class ToDevice {
  readonly #database: Database
  readonly #stream: Stream
  readonly #clock: Clock
  readonly #serverName: ServerName
  /** By device: nothing up to this position waits for it. */
  readonly #drained = new LruCache<string, number>(drainedDevicesMax, 'drained_devices')

  constructor(deps: {
    readonly database: Database
    readonly streams: { readonly toDevice: Stream }
    readonly clock: Clock
    readonly serverName: ServerName
  }) {
    this.#database = deps.database
    this.#stream = deps.streams.toDevice
    this.#clock = deps.clock
    this.#serverName = deps.serverName
  }

  /**
   * Queues messages for devices and wakes their users. Devices that do not exist are passed over; a request that was
   * carried out already does nothing. Throws M_TOO_LARGE, and M_INVALID_PARAM for a name that is too long.
   * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid
   */
  async send(sender: Requester, type: string, txnId: string, messages: ToDeviceMessages): Promise<void> {
    checkName('The event type', type)
    checkName('The transaction id', txnId)
    // @TODO messages to users of other servers are dropped until there is a queue for each destination.
    const local = [...messages].filter(([userId]) => serverNameOf(userId) === this.#serverName)
    const texts = textsOf(sender.userId, type, local)
    const request = { userId: sender.userId, deviceId: sender.deviceId, type, txnId }
    const now = this.#clock.now()
    await this.#stream.append(
      this.#database,
      'send_to_device',
      async (txn, position) => {
        if (!(await noteToDeviceRequest(txn, request, now))) return []
        await forgetToDeviceRequests(txn, now - requestRememberedMs)
        const rows = await addressed(txn, texts)
        await insertToDevice(txn, rows, position)
        return rows
      },
      (rows) => ({ users: new Set(rows.map((row) => row.userId)) }),
    )
  }

  /**
   * What waits for a device after position `from` and up to `to`, oldest first, at most `limit` events as JSON texts;
   * and the position that this answer reaches, which is before `to` when there is more. No query when nothing came.
   */
  async since(
    userId: UserId,
    deviceId: string,
    range: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<{ readonly texts: string[]; readonly position: number }> {
    const { from, to, limit } = range
    const start = Math.max(from, this.#drained.get(cacheKey(userId, deviceId)) ?? 0)
    if (start >= to || !this.#stream.userChangedSince(userId, start)) return { texts: [], position: to }
    const rows = await this.#database.runInteraction(
      'read_to_device',
      (txn) => toDeviceBetween(txn, { userId, deviceId }, { from: start, upTo: to, limit: limit + 1 }),
      { readOnly: true },
    )
    const shown = rows.slice(0, limit)
    const position = rows.length > limit ? (shown.at(-1)?.streamPosition ?? from) : to
    return { texts: shown.map((row) => row.json), position }
  }

  /** The device has received everything up to `position`: it is forgotten. No query when nothing came in between. */
  async acknowledge(userId: UserId, deviceId: string, position: number): Promise<void> {
    const key = cacheKey(userId, deviceId)
    // A client may send any number; nobody has received what is not published.
    const upTo = Math.min(position, this.#stream.position)
    const drained = this.#drained.get(key)
    if (drained !== undefined && drained >= upTo) return
    if (drained === undefined || this.#stream.userChangedSince(userId, drained)) {
      await this.#database.runInteraction('acknowledge_to_device', (txn) => deleteToDevice(txn, userId, deviceId, upTo))
    }
    this.#drained.set(key, Math.max(upTo, this.#drained.get(key) ?? 0))
  }
}

/** A message for a device, or for all devices of its user. */
interface Addressed extends ToDeviceRow {
  /** A device id, or `*`. */
  readonly deviceId: string
}

function textsOf(
  sender: UserId,
  type: string,
  messages: Iterable<[UserId, ReadonlyMap<string, JsonObject>]>,
): Addressed[] {
  const texts: Addressed[] = []
  for (const [userId, devices] of messages) {
    for (const [deviceId, content] of devices) {
      const json = JSON.stringify({ content, sender, type })
      if (Buffer.byteLength(json) > toDeviceMessageBytesMax) {
        throw new MatrixError('M_TOO_LARGE', `A message must not be larger than ${toDeviceMessageBytesMax} bytes`)
      }
      texts.push({ userId, deviceId, json })
    }
  }
  if (texts.length > toDeviceRecipientsMax) {
    throw new MatrixError('M_TOO_LARGE', `A request must not name more than ${toDeviceRecipientsMax} devices`)
  }
  return texts
}

/** One row for each device that exists; a message to a device itself goes before one to `*`. One query. */
async function addressed(txn: Transaction, texts: readonly Addressed[]): Promise<ToDeviceRow[]> {
  if (texts.length === 0) return []
  const byAddress = new Map(texts.map((text) => [cacheKey(text.userId, text.deviceId), text]))
  const devices = await devicesOfUsers(txn, [...new Set(texts.map((text) => text.userId))])
  return devices.flatMap(({ userId, deviceId }) => {
    const text = byAddress.get(cacheKey(userId, deviceId)) ?? byAddress.get(cacheKey(userId, '*'))
    return text === undefined ? [] : [{ userId, deviceId, json: text.json }]
  })
}

function cacheKey(userId: UserId, deviceId: string): string {
  return `${userId} ${deviceId}`
}

function checkName(what: string, name: string): void {
  if (name !== '' && Buffer.byteLength(name) <= toDeviceNameBytesMax && !name.includes('\0')) return
  throw new MatrixError('M_INVALID_PARAM', `${what} must have 1 to ${toDeviceNameBytesMax} bytes`)
}
