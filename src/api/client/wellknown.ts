import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Tells a client that knows only the server's name where to reach the server. */
export function wellknownRoutes(deps: { readonly publicAddress: () => string }): Route<Requester>[] {
  return [
    // GET /.well-known/matrix/client https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient
    route({
      method: 'GET',
      path: '/.well-known/matrix/client',
      auth: 'none',
      handler: async () => ({ 'm.homeserver': { base_url: deps.publicAddress() } }),
    }),
  ]
}
