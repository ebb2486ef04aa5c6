import { bytesOfBase64, keyPair, randomBytes, unpaddedBase64, unpaddedBase64Url } from './crypto.ts'
import { isKeyId } from './identifiers.ts'

/** An Ed25519 key pair that signs for a server (or, in tests, for anybody). */
export interface SigningKey {
  /** Algorithm and name, for example `ed25519:a_abcd`. */
  readonly keyId: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: the 32 of the seed, then the public key, as libsodium wants it. */
  readonly secretKey: Uint8Array
}

const nameBytes = 4

/**
 * A key to sign with: from a seed of 32 bytes, or a new one. `name` is what stands after `ed25519:` in its id; a new
 * name is made up when it is missing, so that two keys of one server never share an id.
 */
export function newSigningKey(seed?: Uint8Array, name = newKeyName()): SigningKey {
  return { keyId: `ed25519:${name}`, ...keyPair(seed) }
}

/**
 * Reads the one-line form in which homeservers keep signing keys on disk: `ed25519 a_abcd <seed in Base64>`.
 * Throws Error when the text is something else; the message never quotes it, since it is a secret.
 */
export function parseSigningKey(text: string): SigningKey {
  const [algorithm, name, seedText, ...rest] = text.trim().split(/\s+/)
  const seed = seedText === undefined ? undefined : bytesOfBase64(seedText)
  const right = algorithm === 'ed25519' && isKeyId(`ed25519:${name}`) && seed?.length === 32 && rest.length === 0
  if (!right) throw new Error('Not a signing key: expected one line "ed25519 <name> <32 bytes in Base64>"')
  return newSigningKey(seed, name)
}

/** The key in the form that `parseSigningKey` reads, with a line feed at its end. */
export function printSigningKey(key: SigningKey): string {
  const name = key.keyId.slice('ed25519:'.length)
  return `ed25519 ${name} ${unpaddedBase64(key.secretKey.subarray(0, 32))}\n`
}

function newKeyName(): string {
  return `a_${unpaddedBase64Url(randomBytes(nameBytes)).replaceAll(/[-_]/g, 'x')}`
}
