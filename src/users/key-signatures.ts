import { MatrixError, type ErrorCode } from '#protocol/errors.ts'
import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'
import { signedText, verifyText } from '#protocol/signatures.ts'
import { crossSigningKeysOf, type CrossSigningKeyRow } from '#storage/cross-signing.ts'
import { deviceKeysOfUsers, type DeviceKeysRow } from '#storage/device-keys.ts'
import { putSignatures, type KeySignatureRow } from '#storage/key-signatures.ts'
import type { Transaction } from '#storage/transaction.ts'
import { publicKeyOf } from './device-keys/check-device-keys.ts'
import type { DeviceLists, KeyChange } from './device-lists.ts'

/** Most keys whose signatures come in one upload. */
export const signedKeysPerUploadMax = 500

/** Most signatures of one key that are looked at. */
const signaturesPerKeyMax = 100

/** Why the signatures of a key were not stored. */
export interface SignatureFailure {
  readonly errcode: ErrorCode
  readonly error: string
}

/** For each user and key id, what went wrong. */
export type SignatureFailures = Readonly<Record<string, Readonly<Record<string, SignatureFailure>>>>

/**
 * Signatures that users put on their devices, on their own master key, and on the master keys of others.
 * https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
 */
export class KeySignatures {
  readonly #deviceLists: DeviceLists

  constructor(deps: { readonly deviceLists: DeviceLists }) {
    this.#deviceLists = deps.deviceLists
  }

  /**
   * Stores the signatures in `upload` (user id → key id → signed key) that `signer` made: on devices by the
   * self-signing key, on the own master key by devices, on the master keys of others by the user-signing key. Each is
   * verified first; what is wrong stands in the answer and stops nothing else. Throws M_BAD_JSON and M_TOO_LARGE.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
   */
  async upload(signer: UserId, upload: JsonObject): Promise<SignatureFailures> {
    const items = readItems(upload)
    if (items.length === 0) return {}
    const outcomes = await this.#deviceLists.record('upload_key_signatures', signer, (txn) => store(txn, signer, items))
    const failures = new Map<string, Record<string, SignatureFailure>>()
    for (const { item, failure } of outcomes) {
      const others = failures.get(item.userId)
      failures.set(item.userId, Object.fromEntries([...Object.entries(others ?? {}), [item.keyId, failure]]))
    }
    return Object.fromEntries(failures)
  }
}

/** A signed key as uploaded. */
interface Item {
  readonly userId: UserId
  /** A device id or a public cross-signing key. */
  readonly keyId: string
  readonly key: JsonObject
}

interface Failed {
  readonly item: Item
  readonly failure: SignatureFailure
}

/** The keys an item may be about and be signed by. */
interface Known {
  readonly signer: UserId
  readonly crossSigning: readonly CrossSigningKeyRow[]
  /** The signer's. */
  readonly devices: ReadonlyMap<string, DeviceKeysRow>
}

async function store(txn: Transaction, signer: UserId, items: readonly Item[]): Promise<KeyChange<Failed[]>> {
  const devices = await deviceKeysOfUsers(txn, [signer])
  const known: Known = {
    signer,
    crossSigning: await crossSigningKeysOf(txn, [...new Set([signer, ...items.map((item) => item.userId)])]),
    devices: new Map(devices.map((row) => [row.deviceId, row])),
  }
  const failed: Failed[] = []
  const found: KeySignatureRow[] = []
  for (const item of items) {
    try {
      found.push(...checkedSignatures(item, known))
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      failed.push({ item, failure: { errcode: error.code, error: error.message } })
    }
  }
  await putSignatures(txn, found)
  const signed = new Set(found.map((signature) => signature.userId))
  const changed = signed.delete(signer)
  return { result: failed, changed, signed: [...signed] }
}

/** The signatures on one key that are new and right. Throws M_NOT_FOUND and M_INVALID_SIGNATURE. */
function checkedSignatures(item: Item, known: Known): KeySignatureRow[] {
  const { signer } = known
  const master = keyOf(known, item.userId, 'master')
  const device = item.userId === signer ? known.devices.get(item.keyId) : undefined
  const stored = device?.json ?? (master?.publicKey === item.keyId ? master.json : undefined)
  if (stored === undefined) {
    const what = item.userId === signer ? 'one of your devices or your master key' : "the user's master key"
    throw new MatrixError('M_NOT_FOUND', `The key is not ${what}.`)
  }
  const text = signedText(item.key)
  if (text !== signedText(JSON.parse(stored) as JsonObject)) {
    throw new MatrixError('M_INVALID_SIGNATURE', 'The signed key differs from the one that was uploaded.')
  }
  const keys = signerKeys(item, known, device !== undefined)
  const all = item.key['signatures']
  const own = isJsonObject(all) ? all[signer] : undefined
  const signatures = isJsonObject(own) ? Object.entries(own) : []
  if (signatures.length > signaturesPerKeyMax) throw new MatrixError('M_TOO_LARGE', 'The key has too many signatures.')
  const verified: KeySignatureRow[] = []
  for (const [signerKey, signature] of signatures) {
    const publicKey = keys(signerKey)
    if (publicKey === undefined || typeof signature !== 'string') continue
    const alone = { [signer]: { [signerKey]: signature } }
    const verdict = verifyText(text, alone, signer, (keyId) => (keyId === signerKey ? publicKey : undefined))
    if (!verdict.valid) throw new MatrixError('M_INVALID_SIGNATURE', `Not stored: ${verdict.reason}.`)
    verified.push({ userId: item.userId, target: item.keyId, signerId: signer, signerKey, signature })
  }
  if (verified.length > 0) return verified
  throw new MatrixError('M_INVALID_SIGNATURE', 'None of the signatures is by a key of yours that may sign this key.')
}

/** Which of the signer's keys may sign the item: gives the public key by its id. */
function signerKeys(item: Item, known: Known, isDevice: boolean): (keyId: string) => Uint8Array | undefined {
  const { signer, devices } = known
  if (item.userId === signer && !isDevice) {
    return (keyId) => {
      const json = devices.get(keyId.slice(keyId.indexOf(':') + 1))?.json
      return json === undefined ? undefined : publicKeyOf((JSON.parse(json) as { keys: JsonObject }).keys[keyId])
    }
  }
  const key = keyOf(known, signer, isDevice ? 'self_signing' : 'user_signing')
  return (keyId) => (keyId === `ed25519:${key?.publicKey}` ? publicKeyOf(key?.publicKey) : undefined)
}

function keyOf(known: Known, userId: UserId, usage: string): CrossSigningKeyRow | undefined {
  return known.crossSigning.find((row) => row.userId === userId && row.usage === usage)
}

function readItems(upload: JsonObject): Item[] {
  const items: Item[] = []
  for (const [user, keys] of Object.entries(upload)) {
    const userId = parseUserId(user)
    if (!isJsonObject(keys)) throw badItem()
    for (const [keyId, key] of Object.entries(keys)) items.push({ userId, keyId, key: objectOf(key) })
    if (items.length > signedKeysPerUploadMax) {
      throw new MatrixError('M_TOO_LARGE', `At most ${signedKeysPerUploadMax} signed keys may be uploaded at once`)
    }
  }
  return items
}

function objectOf(value: JsonValue | undefined): JsonObject {
  if (isJsonObject(value)) return value
  throw badItem()
}

function badItem(): MatrixError {
  return new MatrixError('M_BAD_JSON', 'The body must map user ids to objects that map key ids to signed keys')
}
