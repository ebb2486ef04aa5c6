import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { RoomAccess } from '#rooms/room-access.ts'
import type { Typing } from '#rooms/typing.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Saying that one is typing. */
export function typingRoutes(deps: { readonly roomAccess: RoomAccess; readonly typing: Typing }): Route<Requester>[] {
  const { roomAccess, typing } = deps
  return [
    // PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
      auth: 'user',
      params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
      body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer()) }),
      handler: async ({ requester: { userId }, params, body }) => {
        if (params.userId !== userId) throw new MatrixError('M_FORBIDDEN', 'You can say this only of yourself.')
        const { roomNid } = await roomAccess.joined(userId, parseRoomId(params.roomId))
        if (body.typing) await typing.start(userId, roomNid, body.timeout)
        else await typing.stop(userId, roomNid)
        return {}
      },
    }),
  ]
}
