import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newSigningKey, parseSigningKey, printSigningKey, type SigningKey } from '#protocol/signing-keys.ts'
import { Failure } from './failure.ts'

/** Readable and writable by its owner alone. */
const ownerOnly = 0o600

/** Where the key that signs for this server is kept. Whoever loses it loses the server's identity. */
export function signingKeyFile(dataFolder: string): string {
  return join(dataFolder, 'signing.key')
}

/**
 * Reads the server's signing key; makes a new one when there is no file yet. A file that others may read is closed to
 * them. Throws Failure for a file that holds something else, and Node's error for one that cannot be read or made.
 */
export function openSigningKey(dataFolder: string): SigningKey {
  const file = signingKeyFile(dataFolder)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const key = newSigningKey()
    // 'wx' fails when another process has made one in the meantime, so that no key is ever overwritten.
    writeFileSync(file, printSigningKey(key), { mode: ownerOnly, flag: 'wx' })
    return key
  }
  chmodSync(file, ownerOnly)
  try {
    return parseSigningKey(text)
  } catch {
    throw new Failure(
      `${file} holds no signing key. Put back the one this server had: a new one makes it another server.`,
    )
  }
}
