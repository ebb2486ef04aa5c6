import { canonicalJson } from '#protocol/canonical-json.ts'
import { bytesOfBase64 } from '#protocol/crypto.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'
import { signedText, verifyJson } from '#protocol/signatures.ts'

/** Largest DeviceKeys object, in bytes of canonical JSON. */
export const deviceKeysBytesMax = 65_536

/** Most algorithms that a device may claim to know. */
const algorithmsMax = 100

/** The identity keys of a device, found to be well-formed and signed by the device. */
export interface CheckedDeviceKeys {
  /** Canonical JSON without `unsigned`: the same text for the same keys. */
  readonly text: string
  /** What signatures of the keys cover. */
  readonly signedText: string
  /** Public keys by `algorithm:device_id`. */
  readonly keys: Readonly<Record<string, string>>
}

/**
 * Checks a DeviceKeys object that a device uploads for itself. Throws M_BAD_JSON naming the field that is wrong,
 * M_INVALID_SIGNATURE when its own Ed25519 key has not signed it, and M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#uploading-keys
 */
export function checkDeviceKeys(
  value: JsonObject,
  owner: { readonly userId: UserId; readonly deviceId: string },
): CheckedDeviceKeys {
  if (value['user_id'] !== owner.userId) throw bad('user_id must be the user who uploads the keys')
  if (value['device_id'] !== owner.deviceId) throw bad('device_id must be the device that uploads the keys')
  const algorithms = value['algorithms']
  if (!Array.isArray(algorithms) || !algorithms.every((each) => typeof each === 'string')) {
    throw bad('algorithms must be a list of texts')
  }
  if (algorithms.length > algorithmsMax) throw bad(`algorithms must not list more than ${algorithmsMax}`)
  const keys = checkedKeys(value['keys'])
  const keyId = `ed25519:${owner.deviceId}`
  const publicKey = publicKeyOf(keys[keyId])
  if (publicKey === undefined) throw bad(`keys must hold ${keyId}, 32 bytes in unpadded Base64`)
  if (!isJsonObject(value['signatures'])) throw bad('signatures must be an object')
  const verdict = verifyJson(value, owner.userId, (id) => (id === keyId ? publicKey : undefined))
  if (!verdict.valid) throw new MatrixError('M_INVALID_SIGNATURE', `device_keys: ${verdict.reason}`)
  const text = canonicalJson({ ...value, unsigned: undefined })
  if (Buffer.byteLength(text) > deviceKeysBytesMax) {
    throw new MatrixError('M_TOO_LARGE', `device_keys must not be larger than ${deviceKeysBytesMax} bytes`)
  }
  return { text, signedText: signedText(value), keys }
}

/** The 32 bytes of an Ed25519 public key in Base64, or undefined when the value is none. */
export function publicKeyOf(value: unknown): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? bytesOfBase64(value) : undefined
  return bytes?.length === 32 ? bytes : undefined
}

function checkedKeys(value: JsonValue | undefined): Record<string, string> {
  if (!isJsonObject(value)) throw bad('keys must be an object')
  const keys = new Map<string, string>()
  for (const [id, key] of Object.entries(value)) {
    if (typeof key !== 'string') throw bad('keys must hold texts only')
    keys.set(id, key)
  }
  return Object.fromEntries(keys)
}

function bad(what: string): MatrixError {
  return new MatrixError('M_BAD_JSON', `device_keys.${what}`)
}
