import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Where calls find a relay. */
export function voipRoutes(): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/voip/turnServer
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver
    // An empty object, as clients know it from other servers, says that there is no relay.
    route({
      method: 'GET',
      path: '/_matrix/client/v3/voip/turnServer',
      auth: 'user',
      limit: 'default',
      handler: async () => ({}),
    }),
  ]
}
