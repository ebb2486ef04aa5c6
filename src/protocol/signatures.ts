import { canonicalJson } from './canonical-json.ts'
import { bytesOfBase64, sign, unpaddedBase64, verify } from './crypto.ts'
import type { SigningKey } from './signing-keys.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** What a check of signatures found. */
export type SignatureVerdict = { readonly valid: true } | { readonly valid: false; readonly reason: string }

/** Gives the 32 bytes of a public key by its id (`ed25519:name`), or undefined when it is not known or not to be used. */
export type PublicKeyOf = (keyId: string) => Uint8Array | undefined

/**
 * The object with `entity`'s signature added; other signatures and `unsigned` stay. The object itself is not changed.
 * Throws M_BAD_JSON when it cannot be written as canonical JSON.
 * https://spec.matrix.org/v1.19/appendices/#signing-details
 */
export function signJson(object: JsonObject, entity: string, key: SigningKey): JsonObject {
  const signature = unpaddedBase64(sign(signedText(object), key.secretKey))
  const others = isJsonObject(object['signatures']) ? object['signatures'] : {}
  const own = isJsonObject(others[entity]) ? others[entity] : {}
  return { ...object, signatures: { ...others, [entity]: { ...own, [key.keyId]: signature } } }
}

/**
 * Whether `entity` has signed the object: at least one of its Ed25519 signatures is by a key that `publicKeyOf` knows,
 * and all such are right. Signatures by unknown keys and of other algorithms are passed over.
 * https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
 */
export function verifyJson(object: JsonObject, entity: string, publicKeyOf: PublicKeyOf): SignatureVerdict {
  let text: string
  try {
    text = signedText(object)
  } catch {
    return { valid: false, reason: 'the object cannot be written as canonical JSON' }
  }
  return verifyText(text, object['signatures'], entity, publicKeyOf)
}

/** As `verifyJson`, for an object whose signed text is at hand. */
export function verifyText(
  text: string,
  signatures: unknown,
  entity: string,
  publicKeyOf: PublicKeyOf,
): SignatureVerdict {
  const own = isJsonObject(signatures) && Object.hasOwn(signatures, entity) ? signatures[entity] : undefined
  if (!isJsonObject(own)) return { valid: false, reason: `there is no signature by ${entity}` }
  const message = Buffer.from(text, 'utf8')
  let known = 0
  for (const keyId of Object.keys(own)) {
    if (!keyId.startsWith('ed25519:')) continue
    const publicKey = publicKeyOf(keyId)
    if (publicKey === undefined) continue
    known += 1
    const encoded = own[keyId]
    const signature = typeof encoded === 'string' ? bytesOfBase64(encoded) : undefined
    if (signature === undefined || !verify(message, signature, publicKey)) {
      return { valid: false, reason: `the signature by ${entity} with ${keyId} is wrong` }
    }
  }
  return known > 0 ? { valid: true } : { valid: false, reason: `no signature by ${entity} is by a known key` }
}

/** What a signature covers: the object without `signatures` and `unsigned`, as canonical JSON. Throws M_BAD_JSON. */
export function signedText(object: JsonObject, strict = true): string {
  return canonicalJson({ ...object, signatures: undefined, unsigned: undefined }, strict)
}
