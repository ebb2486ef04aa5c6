import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { SendEvent } from '#rooms/send-event.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { jsonObject } from '../schemas.ts'

/** Sending events that are no state. */
export function roomSendRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly sendEvent: SendEvent
}): Route<Requester>[] {
  const { knownRooms, sendEvent } = deps
  return [
    // PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
      auth: 'user',
      limit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String() }),
      body: jsonObject,
      handler: async ({ requester, params, body }) => {
        const room = await knownRooms.require(parseRoomId(params.roomId))
        const { eventType: type, txnId } = params
        return { event_id: await sendEvent.send({ requester, room, type, content: body, txnId }) }
      },
    }),
  ]
}
