import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId, parseUserId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const roomParams = Type.Object({ roomId: Type.String() })
const someoneBody = Type.Object({ user_id: Type.String(), reason: Type.Optional(Type.String()) })

/** Inviting people. */
export function invitingRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/invite
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/invite',
      auth: 'user',
      limit: 'invite',
      params: roomParams,
      body: someoneBody,
      handler: async ({ requester, params, body: { user_id: userId, reason } }) => {
        const room = await knownRooms.require(parseRoomId(params.roomId))
        await membership.invite({ requester, room, userId: parseUserId(userId), reason })
        return {}
      },
    }),
  ]
}
