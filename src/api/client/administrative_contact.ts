import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** The e-mail addresses and telephone numbers of an account: none, since none can be added (`m.3pid_changes`). */
export function administrativeContactRoutes(): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/account/3pid
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/account/3pid',
      auth: 'user',
      handler: async () => ({ threepids: [] }),
    }),
  ]
}
