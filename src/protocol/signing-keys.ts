import { bytesOfBase64, keyPair, randomBytes, unpaddedBase64, unpaddedBase64Url, type SigningKey } from './crypto.ts'
import { isKeyId } from './identifiers.ts'

export type { SigningKey } from './crypto.ts'

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
