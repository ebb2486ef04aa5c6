import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { Aliases } from '#rooms/aliases.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const joinBody = Type.Object({ reason: Type.Optional(Type.String()) })

/** Joining rooms. */
export function joiningRoutes(deps: {
  readonly aliases: Aliases
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { aliases, knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/join/{roomIdOrAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias
    route({
      method: 'POST',
      path: '/_matrix/client/v3/join/{roomIdOrAlias}',
      auth: 'user',
      limit: 'join',
      params: Type.Object({ roomIdOrAlias: Type.String() }),
      body: joinBody,
      handler: async ({ requester, params, body: { reason } }) => {
        const room = await aliases.room(params.roomIdOrAlias)
        await membership.join({ requester, room, reason })
        return { room_id: room.roomId }
      },
    }),

    // POST /_matrix/client/v3/rooms/{roomId}/join
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/join',
      auth: 'user',
      limit: 'join',
      params: Type.Object({ roomId: Type.String() }),
      body: joinBody,
      handler: async ({ requester, params, body: { reason } }) => {
        const room = await knownRooms.require(parseRoomId(params.roomId))
        await membership.join({ requester, room, reason })
        return { room_id: room.roomId }
      },
    }),
  ]
}
