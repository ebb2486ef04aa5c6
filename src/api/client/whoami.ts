import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Whose an access token is. */
export function whoamiRoutes(): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/account/whoami
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami
    route({
      method: 'GET',
      path: '/_matrix/client/v3/account/whoami',
      auth: 'user',
      handler: async ({ requester }) => ({
        user_id: requester.userId,
        device_id: requester.deviceId,
        is_guest: requester.isGuest,
      }),
    }),
  ]
}
