import { hash, randomBytes, randomInt } from 'node:crypto'

const tokenBytes = 32
const deviceIdLetters = 10
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** A new access token: 256 random bits behind a prefix by which secret scanners know it. */
export function newAccessToken(): string {
  return `tsr_${randomText(tokenBytes)}`
}

/** A new refresh token, told from an access token by its prefix. */
export function newRefreshToken(): string {
  return `tsrr_${randomText(tokenBytes)}`
}

/** `bytes` random bytes as base64url: session ids, nonces, registration tokens. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/** A new device id: ten capital letters, as people are used to from other servers. */
export function newDeviceId(): string {
  return randomLetters(deviceIdLetters)
}

/** `count` random capital letters. */
export function randomLetters(count: number): string {
  return Array.from({ length: count }, () => letters.charAt(randomInt(letters.length))).join('')
}

/**
 * What is kept of a token: the base64url of its SHA-256. Tokens carry 256 random bits, so a slow hash would add
 * nothing, and this one stands in front of every request.
 */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}
