import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const roomParams = Type.Object({ roomId: Type.String() })

/** Leaving rooms, and forgetting those left. */
export function leavingRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/leave
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/leave',
      auth: 'user',
      params: roomParams,
      body: Type.Object({ reason: Type.Optional(Type.String()) }),
      handler: async ({ requester, params, body: { reason } }) => {
        await membership.leave({ requester, room: await knownRooms.require(parseRoomId(params.roomId)), reason })
        return {}
      },
    }),

    // POST /_matrix/client/v3/rooms/{roomId}/forget
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/forget',
      auth: 'user',
      params: roomParams,
      handler: async ({ requester, params }) => {
        await membership.forget({ requester, room: await knownRooms.require(parseRoomId(params.roomId)) })
        return {}
      },
    }),
  ]
}
