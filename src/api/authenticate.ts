import type { Doorkeeper } from '#http/pipeline.ts'
import type { LastSeen } from '#users/last-seen.ts'
import type { Requester } from '#users/requester.ts'
import type { Sessions } from '#users/sessions.ts'

/** Turns access tokens into the users who hold them, and notes where these were seen. */
export function doorkeeper({
  sessions,
  lastSeen,
}: {
  readonly sessions: Pick<Sessions, 'authenticate'>
  readonly lastSeen: Pick<LastSeen, 'note'>
}): Doorkeeper<Requester> {
  return {
    async requesterOf(token, from) {
      const requester = await sessions.authenticate(token)
      lastSeen.note(requester, from.ip, from.userAgent)
      return requester
    },
    isAdmin: (requester) => requester.isAdmin,
    nameOf: (requester) => requester.userId,
    deviceOf: (requester) => requester.deviceId,
  }
}
