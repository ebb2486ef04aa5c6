import { canonicalJson } from '#protocol/canonical-json.ts'
import { MatrixError } from '#protocol/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'

/** Most one-time keys in one upload. */
export const oneTimeKeysPerUploadMax = 1000

/** Largest one-time key, in bytes of canonical JSON. */
export const oneTimeKeyBytesMax = 16_384

/** Longest `algorithm:key_id`, in characters. */
const keyNameLengthMax = 255

/** A key as uploaded. */
export interface UploadedKey {
  readonly algorithm: string
  /** What stands after the colon in its name. */
  readonly keyId: string
  /** Canonical JSON of the key. */
  readonly json: string
  /** The same without signatures: two keys are the same key when these are equal. */
  readonly bare: string
}

/** The one-time and fallback keys of an upload. */
export interface OneTimeKeyUpload {
  readonly oneTime: readonly UploadedKey[]
  /** At most one for each algorithm. */
  readonly fallback: readonly UploadedKey[]
}

/**
 * Reads the `one_time_keys` and `fallback_keys` of an upload. Throws M_BAD_JSON naming what is malformed,
 * M_INVALID_PARAM for two fallback keys of an algorithm, M_TOO_LARGE.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
 */
export function readOneTimeKeys(oneTime: JsonObject, fallback: JsonObject): OneTimeKeyUpload {
  const upload = { oneTime: readKeys('one_time_keys', oneTime), fallback: readKeys('fallback_keys', fallback) }
  const algorithms = new Set(upload.fallback.map((key) => key.algorithm))
  if (algorithms.size < upload.fallback.length) {
    throw new MatrixError('M_INVALID_PARAM', 'fallback_keys must hold at most one key for each algorithm')
  }
  return upload
}

/** The canonical text of a key without its signatures. */
export function bareKey(key: JsonValue): string {
  return canonicalJson(isJsonObject(key) ? { ...key, signatures: undefined, unsigned: undefined } : key)
}

function readKeys(field: string, keys: JsonObject): UploadedKey[] {
  const names = Object.keys(keys)
  if (names.length > oneTimeKeysPerUploadMax) {
    throw new MatrixError('M_TOO_LARGE', `${field} must not hold more than ${oneTimeKeysPerUploadMax} keys`)
  }
  return names.map((name) => readKey(field, name, keys[name]))
}

function readKey(field: string, name: string, key: JsonValue | undefined): UploadedKey {
  const colon = name.indexOf(':')
  if (colon < 1 || colon === name.length - 1 || name.length > keyNameLengthMax || name.includes('\0')) {
    throw new MatrixError('M_BAD_JSON', `${field}: the names of keys must have the form algorithm:key_id`)
  }
  const isKeyObject = isJsonObject(key) && typeof key['key'] === 'string' && isJsonObject(key['signatures'])
  if (key === undefined || (typeof key !== 'string' && !isKeyObject)) {
    throw new MatrixError('M_BAD_JSON', `${field}: a key must be a text, or an object with key and signatures`)
  }
  const json = canonicalJson(key)
  if (Buffer.byteLength(json) > oneTimeKeyBytesMax) {
    throw new MatrixError('M_TOO_LARGE', `${field}: a key must not be larger than ${oneTimeKeyBytesMax} bytes`)
  }
  return { algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), json, bare: bareKey(key) }
}
