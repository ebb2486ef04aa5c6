import { canonicalJson } from '#protocol/canonical-json.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { signedText } from '#protocol/signatures.ts'
import type { KeyUsage } from '#storage/cross-signing.ts'
import { publicKeyOf } from '../device-keys/check-device-keys.ts'

/** Largest cross-signing key, in bytes of canonical JSON. */
export const crossSigningKeyBytesMax = 65_536

/** A cross-signing key that is well-formed; its signatures are not yet checked. */
export interface ReadKey {
  readonly usage: KeyUsage
  /** Unpadded Base64, and the 32 bytes of it. */
  readonly publicKey: string
  readonly bytes: Uint8Array
  readonly object: JsonObject
  /** Canonical JSON. */
  readonly json: string
  /** What signatures of the key cover: two keys are the same when these are. */
  readonly signedText: string
}

/**
 * Reads a cross-signing key that `userId` uploads for `usage`. Throws M_BAD_JSON naming the field that is wrong, and
 * M_TOO_LARGE. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
 */
export function readCrossSigningKey(usage: KeyUsage, userId: UserId, object: JsonObject): ReadKey {
  const bad = (what: string): MatrixError => new MatrixError('M_BAD_JSON', `${usage}_key.${what}`)
  if (object['user_id'] !== userId) throw bad('user_id must be the user who uploads the key')
  const uses = object['usage']
  if (!Array.isArray(uses) || !uses.includes(usage)) throw bad(`usage must be ["${usage}"]`)
  const keys = isJsonObject(object['keys']) ? Object.entries(object['keys']) : []
  const [name, publicKey] = keys.length === 1 ? (keys[0] ?? []) : []
  const bytes = publicKeyOf(publicKey)
  if (typeof publicKey !== 'string' || bytes === undefined || name !== `ed25519:${publicKey}`) {
    throw bad('keys must hold one Ed25519 public key under ed25519: and the key itself, in unpadded Base64')
  }
  if (object['signatures'] !== undefined && !isJsonObject(object['signatures'])) {
    throw bad('signatures must be an object')
  }
  const json = canonicalJson({ ...object, unsigned: undefined })
  if (Buffer.byteLength(json) > crossSigningKeyBytesMax) {
    throw new MatrixError('M_TOO_LARGE', `${usage}_key must not be larger than ${crossSigningKeyBytesMax} bytes`)
  }
  return { usage, publicKey, bytes, object, json, signedText: signedText(object) }
}
