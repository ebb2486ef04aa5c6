import { Type } from '#http/schema.ts'
import type { LimitName, Route } from '#http/route.ts'
import { parseRoomId, parseUserId, type UserId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { MembershipRequest } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { route } from './route.ts'

/**
 * A door through which one member of a room does something to somebody: the body names the user and may give a reason,
 * and the answer is empty. `path` has `{roomId}` in it. Throws M_INVALID_PARAM for ids that are none, and what `act`
 * throws.
 */
export function onSomeone(
  knownRooms: KnownRooms,
  door: { readonly path: string; readonly limit?: LimitName },
  act: (request: MembershipRequest & { readonly userId: UserId }) => Promise<void>,
): Route<Requester> {
  return route({
    ...door,
    method: 'POST',
    auth: 'user',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({ user_id: Type.String(), reason: Type.Optional(Type.String()) }),
    handler: async ({ requester, params, body }) => {
      const room = await knownRooms.require(parseRoomId(params.roomId))
      await act({ requester, room, userId: parseUserId(body.user_id), reason: body.reason })
      return {}
    },
  })
}
