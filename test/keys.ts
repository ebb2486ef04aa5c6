import type { Clock } from '#base/clock.ts'
import { unpaddedBase64 } from '#protocol/crypto.ts'
import type { ServerName, UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { signJson } from '#protocol/signatures.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { insertAccount } from '#storage/accounts.ts'
import { insertDevice } from '#storage/devices.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import type { Database, InteractionOptions, Transaction } from '#storage/transaction.ts'
import { Streams } from '#streams/streams.ts'
import { CrossSigning } from '#users/cross-signing.ts'
import { DeviceKeys } from '#users/device-keys.ts'
import { DeviceLists } from '#users/device-lists.ts'
import { KeyBackup } from '#users/key-backup.ts'
import { KeySignatures } from '#users/key-signatures.ts'
import { OneTimeKeys } from '#users/one-time-keys.ts'
import type { Requester } from '#users/requester.ts'
import { ToDevice } from '#users/to-device.ts'

export const serverName = 'here' as ServerName

/** A database that counts its interactions by name. */
class CountingDatabase implements Database {
  readonly #inner: Database
  readonly counted: string[] = []

  constructor(inner: Database) {
    this.#inner = inner
  }

  get engine(): Database['engine'] {
    return this.#inner.engine
  }

  runInteraction<T>(name: string, fn: (txn: Transaction) => Promise<T>, options?: InteractionOptions): Promise<T> {
    this.counted.push(name)
    return this.#inner.runInteraction(name, fn, options)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

export interface KeyHouse {
  readonly database: Database
  /** The names of the interactions so far. */
  readonly interactions: string[]
  readonly streams: Streams
  readonly clock: Clock & { ms: number }
  readonly crossSigning: CrossSigning
  readonly deviceKeys: DeviceKeys
  readonly deviceLists: DeviceLists
  readonly keyBackup: KeyBackup
  readonly keySignatures: KeySignatures
  readonly oneTimeKeys: OneTimeKeys
  readonly toDevice: ToDevice
  /** Makes an account with these devices; gives the requester that the first of them is. */
  user(name: string, ...deviceIds: string[]): Promise<Requester>
}

/** The capabilities that deal in keys, over a database; what a test of one of them needs. */
export async function keyHouse(inner: Database): Promise<KeyHouse> {
  const database = new CountingDatabase(inner)
  const streams = await Streams.open({ database, ids: new IdBlocks({ database }) })
  const clock = { ms: 1_000_000, now: () => clock.ms, monotonic: () => clock.ms }
  const below = { database, streams, clock, serverName }
  const deviceLists = new DeviceLists(below)
  const oneTimeKeys = new OneTimeKeys(below)
  return {
    database,
    interactions: database.counted,
    streams,
    clock,
    crossSigning: new CrossSigning({ deviceLists }),
    deviceKeys: new DeviceKeys({ ...below, deviceLists, oneTimeKeys }),
    deviceLists,
    keyBackup: new KeyBackup(below),
    keySignatures: new KeySignatures({ deviceLists }),
    oneTimeKeys,
    toDevice: new ToDevice(below),
    user: (name, ...deviceIds) => user(database, `@${name}:${serverName}` as UserId, deviceIds),
  }
}

async function user(database: Database, userId: UserId, deviceIds: readonly string[]): Promise<Requester> {
  await database.runInteraction('test_user', async (txn) => {
    await insertAccount(txn, { userId, passwordHash: null, admin: 0, userType: null, createdTs: 1 })
    for (const deviceId of deviceIds) {
      await insertDevice(txn, { userId, deviceId, displayName: `${deviceId} of ${userId}`, createdTs: 1 })
    }
  })
  return { userId, deviceId: deviceIds[0] ?? '', isAdmin: false, isGuest: false }
}

/** The secret side of a device: signs as it does. */
export class TestDevice {
  readonly userId: UserId
  readonly deviceId: string
  readonly #key = newSigningKey()
  readonly #keyId: string

  constructor(requester: Pick<Requester, 'userId' | 'deviceId'>) {
    this.userId = requester.userId
    this.deviceId = requester.deviceId
    this.#keyId = `ed25519:${requester.deviceId}`
  }

  sign(object: JsonObject): JsonObject {
    return signJson(object, this.userId, { ...this.#key, keyId: this.#keyId })
  }

  /** Its DeviceKeys object, signed; `changes` are made before it is signed. */
  keys(changes: JsonObject = {}): JsonObject {
    return this.sign({
      user_id: this.userId,
      device_id: this.deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: {
        [this.#keyId]: unpaddedBase64(this.#key.publicKey),
        [`curve25519:${this.deviceId}`]: unpaddedBase64(newSigningKey().publicKey),
      },
      ...changes,
    })
  }

  /** One-time keys named `signed_curve25519:` and these ids. */
  oneTimeKeys(...keyIds: string[]): JsonObject {
    const entries = keyIds.map((id) => [`signed_curve25519:${id}`, this.sign({ key: `key ${id}` })] as const)
    return Object.fromEntries(entries)
  }
}

/** The secret side of a cross-signing key. */
export class TestCrossKey {
  readonly userId: UserId
  readonly publicKey: string
  readonly #key = newSigningKey()
  readonly #usage: string

  constructor(userId: UserId, usage: 'master' | 'self_signing' | 'user_signing') {
    this.userId = userId
    this.#usage = usage
    this.publicKey = unpaddedBase64(this.#key.publicKey)
  }

  get keyId(): string {
    return `ed25519:${this.publicKey}`
  }

  sign(object: JsonObject): JsonObject {
    return signJson(object, this.userId, { ...this.#key, keyId: this.keyId })
  }

  /** Its CrossSigningKey object, signed by `master` when that is given. */
  object(master?: TestCrossKey): JsonObject {
    const object = { user_id: this.userId, usage: [this.#usage], keys: { [this.keyId]: this.publicKey } }
    return master === undefined ? object : master.sign(object)
  }
}

/** A whole set of cross-signing keys, and the upload that publishes it. */
export function crossKeys(userId: UserId): {
  readonly master: TestCrossKey
  readonly selfSigning: TestCrossKey
  readonly userSigning: TestCrossKey
  readonly upload: { master: JsonObject; selfSigning: JsonObject; userSigning: JsonObject }
} {
  const master = new TestCrossKey(userId, 'master')
  const selfSigning = new TestCrossKey(userId, 'self_signing')
  const userSigning = new TestCrossKey(userId, 'user_signing')
  const upload = {
    master: master.object(),
    selfSigning: selfSigning.object(master),
    userSigning: userSigning.object(master),
  }
  return { master, selfSigning, userSigning, upload }
}
