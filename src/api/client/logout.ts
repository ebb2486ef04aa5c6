import type { Route } from '#http/route.ts'
import type { Devices } from '#users/devices.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Logging out. */
export function logoutRoutes(deps: { readonly devices: Devices }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/logout https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout
    route({
      method: 'POST',
      path: '/_matrix/client/v3/logout',
      auth: 'user',
      handler: async ({ requester }) => {
        await deps.devices.delete(requester.userId, [requester.deviceId])
        return {}
      },
    }),

    // POST /_matrix/client/v3/logout/all https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall
    route({
      method: 'POST',
      path: '/_matrix/client/v3/logout/all',
      auth: 'user',
      handler: async ({ requester }) => {
        await deps.devices.deleteAll(requester.userId)
        return {}
      },
    }),
  ]
}
