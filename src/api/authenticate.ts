import type { Doorkeeper } from '#http/pipeline.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { Requester } from '#users/requester.ts'

/** Turns access tokens into the users who hold them. */
export function doorkeeper(sessions: {
  readonly authenticate: (token: string) => Promise<Requester>
}): Doorkeeper<Requester> {
  return {
    requesterOf: (token) => sessions.authenticate(token),
    isAdmin: (requester) => requester.isAdmin,
    nameOf: (requester) => requester.userId,
  }
}

/** Stands in where nobody can have a token. */
export const nobodysSessions = {
  authenticate: (): Promise<Requester> => Promise.reject(new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token.')),
}
