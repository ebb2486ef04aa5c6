import type { SessionRank } from '#storage/key-backup.ts'

/** What of a key decides whether it is kept. */
export type KeyQuality = Pick<SessionRank, 'firstMessageIndex' | 'forwardedCount' | 'isVerified'>

/**
 * Whether an uploaded key of a session is kept in place of the stored one: a verified key before one that is not, then
 * the one that reads from an earlier message, then the one that went through fewer hands. Of equals the stored stays.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
export function replaces(uploaded: KeyQuality, stored: KeyQuality): boolean {
  if (uploaded.isVerified !== stored.isVerified) return uploaded.isVerified
  if (uploaded.firstMessageIndex !== stored.firstMessageIndex) {
    return uploaded.firstMessageIndex < stored.firstMessageIndex
  }
  return uploaded.forwardedCount < stored.forwardedCount
}
