import type { UserId } from '#protocol/identifiers.ts'

/** Who makes a request, known from its access token. */
export interface Requester {
  readonly userId: UserId
  readonly deviceId: string
  readonly isAdmin: boolean
  readonly isGuest: boolean
}
