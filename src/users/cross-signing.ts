import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { verifyJson } from '#protocol/signatures.ts'
import {
  crossSigningKeysOf,
  deleteCrossSigningKeys,
  putCrossSigningKeys,
  type CrossSigningKeyRow,
  type KeyUsage,
} from '#storage/cross-signing.ts'
import { deviceKeysOf, existingDevices } from '#storage/device-keys.ts'
import { deleteSignaturesBy, deleteSignaturesOn } from '#storage/key-signatures.ts'
import type { Transaction } from '#storage/transaction.ts'
import { readCrossSigningKey, type ReadKey } from './cross-signing/read-cross-signing-keys.ts'
import { publicKeyOf } from './device-keys/check-device-keys.ts'
import type { DeviceLists, KeyChange } from './device-lists.ts'

/** The keys of an upload; each may be missing. */
export interface CrossSigningUpload {
  readonly master?: JsonObject | undefined
  readonly selfSigning?: JsonObject | undefined
  readonly userSigning?: JsonObject | undefined
}

/** `needs_authentication`: nothing was stored, because keys that exist would change. */
export type UploadVerdict = 'stored' | 'needs_authentication'

/** The keys that users sign their devices and each other with. https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export class CrossSigning {
  readonly #deviceLists: DeviceLists

  constructor(deps: { readonly deviceLists: DeviceLists }) {
    this.#deviceLists = deps.deviceLists
  }

  /**
   * Stores cross-signing keys of a user. Without `authenticated` only the first ones, or the same again. A new master
   * key takes away the other keys that the old one signed, unless new ones come with it. Throws M_BAD_JSON,
   * M_MISSING_PARAM without any master key, M_INVALID_SIGNATURE, and M_FORBIDDEN for a key whose name is taken.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
   */
  async upload(
    userId: UserId,
    upload: CrossSigningUpload,
    options: { readonly authenticated: boolean },
  ): Promise<UploadVerdict> {
    const keys: ReadKey[] = []
    if (upload.master !== undefined) keys.push(readCrossSigningKey('master', userId, upload.master))
    if (upload.selfSigning !== undefined) keys.push(readCrossSigningKey('self_signing', userId, upload.selfSigning))
    if (upload.userSigning !== undefined) keys.push(readCrossSigningKey('user_signing', userId, upload.userSigning))
    if (keys.length === 0) return 'stored'
    return this.#deviceLists.record('upload_cross_signing_keys', userId, (txn) =>
      store(txn, userId, keys, options.authenticated),
    )
  }
}

async function store(
  txn: Transaction,
  userId: UserId,
  keys: readonly ReadKey[],
  authenticated: boolean,
): Promise<KeyChange<UploadVerdict>> {
  const before = new Map<KeyUsage, ReadKey>()
  for (const row of await crossSigningKeysOf(txn, [userId])) {
    before.set(row.usage, readCrossSigningKey(row.usage, userId, JSON.parse(row.json) as JsonObject))
  }
  const fresh = keys.filter((key) => before.get(key.usage)?.signedText !== key.signedText)
  if (fresh.length === 0) return { result: 'stored', changed: false }
  await checkKeys(txn, userId, keys, before.get('master'))
  if (before.has('master') && !authenticated) return { result: 'needs_authentication', changed: false }
  await removeReplaced(txn, userId, before, fresh)
  const rows = fresh.map(({ usage, publicKey, json }): CrossSigningKeyRow => ({ userId, usage, publicKey, json }))
  await putCrossSigningKeys(txn, rows)
  return { result: 'stored', changed: true }
}

async function checkKeys(
  txn: Transaction,
  userId: UserId,
  keys: readonly ReadKey[],
  masterBefore: ReadKey | undefined,
): Promise<void> {
  const master = keys.find((key) => key.usage === 'master') ?? masterBefore
  if (master === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'There is no master key: upload master_key with these keys')
  }
  if (new Set(keys.map((key) => key.publicKey)).size < keys.length) {
    throw new MatrixError('M_FORBIDDEN', 'Each cross-signing key must be a key of its own')
  }
  const publicKeys = keys.map((key) => key.publicKey)
  if ((await existingDevices(txn, userId, publicKeys)).size > 0) {
    throw new MatrixError('M_FORBIDDEN', 'A public key is the id of a device: make another key')
  }
  for (const key of keys) {
    if (key === master) await checkDeviceSignatures(txn, userId, key)
    else requireSignature(key, userId, master)
  }
}

function requireSignature(key: ReadKey, userId: UserId, master: ReadKey): void {
  const masterId = `ed25519:${master.publicKey}`
  const verdict = verifyJson(key.object, userId, (keyId) => (keyId === masterId ? master.bytes : undefined))
  if (verdict.valid) return
  throw new MatrixError('M_INVALID_SIGNATURE', `${key.usage}_key must be signed by the master key: ${verdict.reason}`)
}

/** The user's devices may have signed a master key; what they signed must be right. */
async function checkDeviceSignatures(txn: Transaction, userId: UserId, master: ReadKey): Promise<void> {
  const signatures = master.object['signatures']
  const own = isJsonObject(signatures) ? signatures[userId] : undefined
  if (!isJsonObject(own)) return
  const signers = Object.keys(own).filter((keyId) => !keyId.includes('\0'))
  const deviceIds = signers.map((keyId) => keyId.slice(keyId.indexOf(':') + 1))
  const keys = new Map<string, Uint8Array>()
  for (const row of await deviceKeysOf(txn, userId, deviceIds)) {
    const keyId = `ed25519:${row.deviceId}`
    const publicKey = publicKeyOf((JSON.parse(row.json) as { keys: JsonObject }).keys[keyId])
    if (publicKey !== undefined) keys.set(keyId, publicKey)
  }
  if (keys.size === 0) return
  const verdict = verifyJson(master.object, userId, (keyId) => keys.get(keyId))
  if (!verdict.valid) throw new MatrixError('M_INVALID_SIGNATURE', `master_key: ${verdict.reason}`)
}

/** Removes the keys that fresh ones replace or leave without a master, and every signature by or on them. */
async function removeReplaced(
  txn: Transaction,
  userId: UserId,
  before: ReadonlyMap<KeyUsage, ReadKey>,
  fresh: readonly ReadKey[],
): Promise<void> {
  const replaced = fresh.map((key) => key.usage).filter((usage) => before.has(usage))
  const master = fresh.find((key) => key.usage === 'master')
  const isNewMaster = master !== undefined && before.get('master')?.publicKey !== master.publicKey
  const old = isNewMaster ? [...before.keys()] : replaced
  const kept = new Set(fresh.map((key) => key.publicKey))
  const gone = old.flatMap((usage) => before.get(usage)?.publicKey ?? []).filter((key) => !kept.has(key))
  await deleteCrossSigningKeys(txn, userId, old)
  await deleteSignaturesOn(txn, userId, gone)
  await deleteSignaturesBy(
    txn,
    userId,
    gone.map((publicKey) => `ed25519:${publicKey}`),
  )
}
