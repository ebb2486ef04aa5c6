import { createHash, hash } from 'node:crypto'
import sodium from 'sodium-native'

/**
 * The one file of this folder that reaches outside it: hashes from Node, Ed25519 from libsodium (twice as fast as
 * Node's). Texts are hashed and signed as their UTF-8 bytes.
 */

const publicKeyBytes = sodium.crypto_sign_PUBLICKEYBYTES
const signatureBytes = sodium.crypto_sign_BYTES
const base64Grammar = /^[A-Za-z0-9+/]*={0,2}$/
const base64UrlGrammar = /^[A-Za-z0-9_-]*={0,2}$/

/** SHA-256 of bytes, or of a text's UTF-8: 32 bytes. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return hash('sha256', data, 'buffer')
}

/** SHA-256 in unpadded Base64: 43 characters. */
export function sha256Base64(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64').slice(0, 43)
}

/** SHA-256 in URL-safe unpadded Base64: 43 characters. */
export function sha256Base64Url(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url')
}

/** SHA-1 in hexadecimal: state resolution of room version 1 sorts by it. */
export function sha1Hex(text: string): string {
  return createHash('sha1').update(text, 'utf8').digest('hex')
}

/** Bytes as unpadded Base64. https://spec.matrix.org/v1.19/appendices/#unpadded-base64 */
export function unpaddedBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  const end = text.indexOf('=')
  return end < 0 ? text : text.slice(0, end)
}

/** Bytes as URL-safe unpadded Base64. https://spec.matrix.org/v1.19/appendices/#url-safe-unpadded-base64 */
export function unpaddedBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** The bytes of standard Base64, padded or not; undefined when the text is none. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  if (!base64Grammar.test(text)) return undefined
  const end = text.indexOf('=')
  const length = end < 0 ? text.length : end
  return length % 4 === 1 ? undefined : Buffer.from(text, 'base64')
}

/** The bytes of URL-safe Base64, padded or not; undefined when the text is none. */
export function bytesOfBase64Url(text: string): Uint8Array | undefined {
  if (!base64UrlGrammar.test(text)) return undefined
  const end = text.indexOf('=')
  const length = end < 0 ? text.length : end
  return length % 4 === 1 ? undefined : Buffer.from(text, 'base64url')
}

/** A key pair from 32 bytes of seed, or from fresh random ones. Throws RangeError for a seed of another length. */
export function keyPair(seed?: Uint8Array): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
  const publicKey = Buffer.alloc(publicKeyBytes)
  const secretKey = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES)
  const from = seed ?? randomBytes(sodium.crypto_sign_SEEDBYTES)
  if (from.length !== sodium.crypto_sign_SEEDBYTES) throw new RangeError('an Ed25519 seed has 32 bytes')
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, from)
  return { publicKey, secretKey }
}

/** Bytes that nobody can guess. */
export function randomBytes(count: number): Uint8Array {
  const bytes = Buffer.alloc(count)
  sodium.randombytes_buf(bytes)
  return bytes
}

/** The Ed25519 signature of a text or bytes: 64 bytes. */
export function sign(message: string | Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = Buffer.allocUnsafe(signatureBytes)
  sodium.crypto_sign_detached(signature, bytesOf(message), secretKey)
  return signature
}

/** True when the signature is the public key's for this message. A key or signature of a wrong length is just false. */
export function verify(message: string | Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== signatureBytes || publicKey.length !== publicKeyBytes) return false
  return sodium.crypto_sign_verify_detached(signature, bytesOf(message), publicKey)
}

function bytesOf(message: string | Uint8Array): Uint8Array {
  return typeof message === 'string' ? Buffer.from(message, 'utf8') : message
}
