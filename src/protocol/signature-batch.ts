import { verify } from './crypto.ts'

/** One signature to check: what was signed, by which key. */
export interface SignatureCheck {
  readonly text: string
  /** 64 bytes; of any other length it is wrong. */
  readonly signature: Uint8Array
  /** 32 bytes; of any other length it is wrong. */
  readonly publicKey: Uint8Array
}

/** Bytes before each check: the lengths of its three parts, four bytes each. */
const headerBytes = 12

/**
 * Many checks as one run of bytes, which goes to another thread without being copied. `checkSignatures` reads it.
 * https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
 */
export function packSignatureChecks(checks: readonly SignatureCheck[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const { text, signature, publicKey } of checks) {
    length += headerBytes + Buffer.byteLength(text) + signature.length + publicKey.length
  }
  // Memory of its own: what is given to another thread is gone here, and small buffers share theirs.
  const packed = Buffer.from(new ArrayBuffer(length))
  let at = 0
  for (const { text, signature, publicKey } of checks) {
    const textBytes = packed.write(text, at + headerBytes)
    packed.writeUInt32LE(textBytes, at)
    packed.writeUInt32LE(signature.length, at + 4)
    packed.writeUInt32LE(publicKey.length, at + 8)
    at += headerBytes + textBytes
    packed.set(signature, at)
    packed.set(publicKey, at + signature.length)
    at += signature.length + publicKey.length
  }
  return packed
}

/**
 * Checks Ed25519 signatures that `packSignatureChecks` has packed, in their order: 1 for each that is right, 0 for each
 * that is not. About 45 µs each. Throws RangeError for bytes that were not packed so.
 */
export function checkSignatures(packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const verdicts: number[] = []
  let at = 0
  while (at < bytes.length) {
    const textEnd = at + headerBytes + bytes.readUInt32LE(at)
    const signatureEnd = textEnd + bytes.readUInt32LE(at + 4)
    const end = signatureEnd + bytes.readUInt32LE(at + 8)
    if (end > bytes.length) throw new RangeError('a check ends beyond its batch')
    const text = bytes.subarray(at + headerBytes, textEnd)
    const right = verify(text, bytes.subarray(textEnd, signatureEnd), bytes.subarray(signatureEnd, end))
    verdicts.push(right ? 1 : 0)
    at = end
  }
  return Uint8Array.from(verdicts)
}
