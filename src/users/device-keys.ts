import { MatrixError } from '#protocol/errors.ts'
import { serverNameOf, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { signedText } from '#protocol/signatures.ts'
import { crossSigningKeysOf } from '#storage/cross-signing.ts'
import {
  deleteDeviceKeys,
  deviceKeysOf,
  deviceKeysOfUsers,
  existingDevices,
  existingUsers,
  putDeviceKeys,
} from '#storage/device-keys.ts'
import { deleteSignaturesBy, deleteSignaturesOn, visibleSignatures } from '#storage/key-signatures.ts'
import { deleteOneTimeKeys } from '#storage/one-time-keys.ts'
import { deleteToDeviceOf } from '#storage/to-device.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { checkDeviceKeys, type CheckedDeviceKeys } from './device-keys/check-device-keys.ts'
import { queryAnswer, type QueryAnswer, type WantedDevices } from './device-keys/query-answer.ts'
import type { DeviceLists, KeyChange } from './device-lists.ts'
import type { OneTimeKeys } from './one-time-keys.ts'
import { queueKeys } from './one-time-keys/queue-keys.ts'
import { readOneTimeKeys, type OneTimeKeyUpload } from './one-time-keys/read-one-time-keys.ts'
import type { Requester } from './requester.ts'

/** What a device uploads; each part may be missing. */
export interface KeyUpload {
  readonly deviceKeys?: JsonObject | undefined
  readonly oneTimeKeys?: JsonObject | undefined
  readonly fallbackKeys?: JsonObject | undefined
}

/** The answer to a query, with the servers that could not be asked. */
export interface KeyQueryAnswer extends QueryAnswer {
  readonly failures: Readonly<Record<string, JsonObject>>
}

/**
 * The identity keys of devices: uploading and finding them.
 * https://spec.matrix.org/v1.19/client-server-api/#device-keys
 */
export class DeviceKeys {
  readonly #database: Database
  readonly #serverName: ServerName
  readonly #deviceLists: DeviceLists
  readonly #oneTimeKeys: OneTimeKeys

  constructor(deps: {
    readonly database: Database
    readonly serverName: ServerName
    readonly deviceLists: DeviceLists
    readonly oneTimeKeys: OneTimeKeys
  }) {
    this.#database = deps.database
    this.#serverName = deps.serverName
    this.#deviceLists = deps.deviceLists
    this.#oneTimeKeys = deps.oneTimeKeys
  }

  /**
   * Stores the keys that the requester's device uploads, all or nothing; gives how many one-time keys it has then, by
   * algorithm. The same upload may come again. Throws M_BAD_JSON, M_INVALID_PARAM, M_INVALID_SIGNATURE, M_TOO_LARGE.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
   */
  async upload(requester: Requester, upload: KeyUpload): Promise<Readonly<Record<string, number>>> {
    const { userId, deviceId } = requester
    const identity = upload.deviceKeys === undefined ? undefined : checkDeviceKeys(upload.deviceKeys, requester)
    const keys = readOneTimeKeys(upload.oneTimeKeys ?? {}, upload.fallbackKeys ?? {})
    try {
      if (identity !== undefined) {
        await this.#deviceLists.record('upload_device_keys', userId, (txn) => store(txn, requester, identity, keys))
      } else if (keys.oneTime.length + keys.fallback.length > 0) {
        await this.#database.runInteraction('upload_one_time_keys', async (txn) => {
          await requireDevice(txn, requester)
          await queueKeys(txn, { userId, deviceId }, keys)
        })
      }
    } finally {
      this.#oneTimeKeys.forget([requester])
    }
    return (await this.#oneTimeKeys.counts(userId, deviceId)).counts
  }

  /**
   * The keys of the wanted users and devices, with the signatures that the requester may see. Users of other servers
   * are not asked for: their servers stand in `failures`. Four queries, whatever is asked for.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
   */
  async query(requester: Requester, wanted: WantedDevices): Promise<KeyQueryAnswer> {
    const { local, failures } = splitByServer(wanted.keys(), this.#serverName)
    const answer = await this.#database.runInteraction(
      'query_keys',
      async (txn) =>
        queryAnswer({
          requester: requester.userId,
          wanted,
          users: await existingUsers(txn, local),
          devices: await deviceKeysOfUsers(txn, local),
          crossSigning: await crossSigningKeysOf(txn, local),
          signatures: await visibleSignatures(txn, local, requester.userId),
        }),
      { readOnly: true },
    )
    return { ...answer, failures }
  }

  /**
   * Forgets all that was kept for devices, in the transaction that deletes them: their keys, signatures, and what
   * waits for them.
   */
  async onDeviceDeleted(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<void> {
    await deleteDeviceKeys(txn, userId, deviceIds)
    await deleteOneTimeKeys(txn, userId, deviceIds)
    await forgetSignatures(txn, userId, deviceIds)
    await deleteToDeviceOf(txn, userId, deviceIds)
    txn.afterCommit(() => this.#oneTimeKeys.forget(deviceIds.map((deviceId) => ({ userId, deviceId }))))
  }
}

/** Parts users of this server from others, whose servers cannot be reached. */
export function splitByServer(
  userIds: Iterable<UserId>,
  serverName: ServerName,
): { readonly local: UserId[]; readonly failures: Readonly<Record<string, JsonObject>> } {
  const local: UserId[] = []
  const remote = new Set<string>()
  for (const userId of userIds) {
    const server = serverNameOf(userId)
    if (server === serverName) local.push(userId)
    else remote.add(server)
  }
  const failure = { errcode: 'M_UNKNOWN', error: 'This server does not talk to other servers.' }
  return { local, failures: Object.fromEntries([...remote].map((server) => [server, failure])) }
}

async function store(
  txn: Transaction,
  requester: Requester,
  identity: CheckedDeviceKeys,
  keys: OneTimeKeyUpload,
): Promise<KeyChange<void>> {
  const { userId, deviceId } = requester
  await requireDevice(txn, requester)
  const [before] = await deviceKeysOf(txn, userId, [deviceId])
  const changed = before?.json !== identity.text
  if (changed) {
    await refuseTakenName(txn, requester)
    await putDeviceKeys(txn, userId, deviceId, identity.text)
  }
  if (before !== undefined && changed) await forgetOutdated(txn, requester, before.json, identity)
  await queueKeys(txn, { userId, deviceId }, keys)
  return { result: undefined, changed }
}

/** Signatures cover the old keys; one-time keys are signed by the old key. What no longer fits goes. */
async function forgetOutdated(
  txn: Transaction,
  requester: Requester,
  beforeJson: string,
  identity: CheckedDeviceKeys,
): Promise<void> {
  const { userId, deviceId } = requester
  const before = JSON.parse(beforeJson) as JsonObject
  if (signedText(before) === identity.signedText) return
  await deleteSignaturesOn(txn, userId, [deviceId])
  const keyId = `ed25519:${deviceId}`
  const keysBefore = before['keys'] as JsonObject
  if (keysBefore[keyId] === identity.keys[keyId]) return
  await deleteSignaturesBy(txn, userId, [keyId])
  await deleteOneTimeKeys(txn, userId, [deviceId])
}

async function forgetSignatures(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<void> {
  await deleteSignaturesOn(txn, userId, deviceIds)
  await deleteSignaturesBy(
    txn,
    userId,
    deviceIds.map((deviceId) => `ed25519:${deviceId}`),
  )
}

/** The device may have been deleted since the request came in. */
async function requireDevice(txn: Transaction, requester: Requester): Promise<void> {
  const found = await existingDevices(txn, requester.userId, [requester.deviceId])
  if (found.size === 0) throw new MatrixError('M_UNKNOWN_TOKEN', 'The device is deleted: log in again.')
}

/**
 * Devices and cross-signing keys share one space of names, where a device must not pose as a key.
 * https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
 */
async function refuseTakenName(txn: Transaction, requester: Requester): Promise<void> {
  const keys = await crossSigningKeysOf(txn, [requester.userId])
  if (!keys.some((key) => key.publicKey === requester.deviceId)) return
  throw new MatrixError('M_FORBIDDEN', 'The device id is the public key of a cross-signing key: log in with another.')
}
