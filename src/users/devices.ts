import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { deleteTokensOfDevices } from '#storage/access-tokens.ts'
import * as store from '#storage/devices.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { DeviceLists } from './device-lists.ts'
import type { LastSeen } from './last-seen.ts'
import { plainText } from './checks/plain-text.ts'
import { deviceNameBytesMax, type Sessions } from './sessions.ts'

/** Devices that may be deleted by one request. */
const devicesDeletedMax = 1000

/** A device as its owner sees it. */
export interface Device {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly lastSeenIp: string | undefined
  /** Milliseconds since 1970. */
  readonly lastSeenTs: number | undefined
}

/** Whoever keeps something that hangs on devices: their keys, their undelivered to-device events. */
export interface DeviceWatcher {
  /** Runs in the transaction that deletes devices; removes what hangs on them. May run more than once. */
  onDeviceDeleted(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<void>
}

/**
 * The devices of our users. Logging in makes one (`sessions.ts`); deleting one logs it out.
 * https://spec.matrix.org/v1.19/client-server-api/#device-management
 */
export class Devices {
  readonly #database: Database
  readonly #sessions: Sessions
  readonly #lastSeen: LastSeen
  readonly #deviceLists: DeviceLists
  readonly #watchers: DeviceWatcher[] = []

  constructor(deps: {
    readonly database: Database
    readonly deviceLists: DeviceLists
    readonly sessions: Sessions
    readonly lastSeen: LastSeen
  }) {
    this.#database = deps.database
    this.#deviceLists = deps.deviceLists
    this.#sessions = deps.sessions
    this.#lastSeen = deps.lastSeen
  }

  /** Registers a watcher for as long as the process lives. */
  watch(watcher: DeviceWatcher): void {
    this.#watchers.push(watcher)
  }

  /** Every device of a user. */
  async list(userId: UserId): Promise<Device[]> {
    const rows = await this.#database.runInteraction('list_devices', (txn) => store.devicesOf(txn, userId), {
      readOnly: true,
    })
    return rows.map((row) => this.#device(userId, row))
  }

  /** One device. Throws M_NOT_FOUND. */
  async get(userId: UserId, deviceId: string): Promise<Device> {
    if (deviceId.includes('\0')) throw noSuchDevice()
    const row = await this.#database.runInteraction('get_device', (txn) => store.device(txn, userId, deviceId), {
      readOnly: true,
    })
    if (row === undefined) throw noSuchDevice()
    return this.#device(userId, row)
  }

  /** Gives a device another name. Throws M_NOT_FOUND, or M_INVALID_PARAM when the name is too long. */
  async rename(userId: UserId, deviceId: string, displayName: string): Promise<void> {
    plainText(displayName, 'display_name', deviceNameBytesMax)
    if (deviceId.includes('\0')) throw noSuchDevice()
    const renamed = await this.#deviceLists.record('rename_device', userId, async (txn) => {
      const changed = await store.renameDevice(txn, userId, deviceId, displayName)
      return { result: changed, changed }
    })
    if (!renamed) throw noSuchDevice()
  }

  /**
   * Deletes devices with their tokens and whatever watchers keep for them, in one transaction that also tells of it to
   * those who follow the user's devices. Unknown ones are passed over. Throws M_INVALID_PARAM when there are too many.
   */
  async delete(userId: UserId, deviceIds: readonly string[]): Promise<void> {
    if (deviceIds.length > devicesDeletedMax)
      throw new MatrixError('M_INVALID_PARAM', `devices must have at most ${devicesDeletedMax} entries.`)
    await this.#deleteChosen(userId, () => Promise.resolve(deviceIds.filter((id) => !id.includes('\0'))))
  }

  /** Deletes every device of a user, except the one named. */
  async deleteAll(userId: UserId, except?: string): Promise<void> {
    await this.#deleteChosen(userId, async (txn) => {
      const rows = await store.devicesOf(txn, userId)
      return rows.map((row) => row.deviceId).filter((deviceId) => deviceId !== except)
    })
  }

  async #deleteChosen(userId: UserId, choose: (txn: Transaction) => Promise<readonly string[]>): Promise<void> {
    await this.#deviceLists.record('delete_devices', userId, async (txn) => {
      const found = await store.deleteDevices(txn, userId, await choose(txn))
      if (found.length === 0) return { result: undefined, changed: false }
      const revoked = await deleteTokensOfDevices(txn, userId, found)
      for (const watcher of this.#watchers) await watcher.onDeviceDeleted(txn, userId, found)
      txn.afterCommit(() => this.#sessions.revoked(revoked))
      return { result: undefined, changed: true }
    })
  }

  #device(userId: UserId, row: store.DeviceRow): Device {
    const seen = this.#lastSeen.of(userId, row.deviceId)
    return {
      deviceId: row.deviceId,
      displayName: row.displayName ?? undefined,
      lastSeenIp: seen?.ip ?? row.lastSeenIp ?? undefined,
      lastSeenTs: seen?.ts ?? row.lastSeenTs ?? undefined,
    }
  }
}

function noSuchDevice(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'You have no device with this id.')
}
