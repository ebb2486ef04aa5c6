import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Redact } from '#rooms/redact.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Redacting events. */
export function redactionRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly redact: Redact
}): Route<Requester>[] {
  const { knownRooms, redact } = deps
  return [
    // PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}',
      auth: 'user',
      limit: 'message',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String() }),
      body: Type.Object({ reason: Type.Optional(Type.String()) }),
      handler: async ({ requester, params: { roomId, eventId, txnId }, body: content }) => {
        const room = await knownRooms.require(parseRoomId(roomId))
        return {
          event_id: await redact.redact({ requester, room, eventId: parseEventId(eventId), content, txnId }),
        }
      },
    }),
  ]
}
