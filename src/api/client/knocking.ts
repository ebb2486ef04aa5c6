import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { Aliases } from '#rooms/aliases.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Asking to be let into rooms. */
export function knockingRoutes(deps: {
  readonly aliases: Aliases
  readonly membership: Membership
}): Route<Requester>[] {
  const { aliases, membership } = deps
  return [
    // POST /_matrix/client/v3/knock/{roomIdOrAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias
    route({
      method: 'POST',
      path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
      auth: 'user',
      limit: 'join',
      params: Type.Object({ roomIdOrAlias: Type.String() }),
      body: Type.Object({ reason: Type.Optional(Type.String()) }),
      handler: async ({ requester, params, body: { reason } }) => {
        const room = await aliases.room(params.roomIdOrAlias)
        await membership.knock({ requester, room, reason })
        return { room_id: room.roomId }
      },
    }),
  ]
}
