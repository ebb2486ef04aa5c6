import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { Aliases } from '#rooms/aliases.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { SendEvent } from '#rooms/send-event.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { jsonObject } from '../schemas.ts'

/** Sending state. */
export function roomStateRoutes(deps: {
  readonly aliases: Aliases
  readonly knownRooms: KnownRooms
  readonly sendEvent: SendEvent
}): Route<Requester>[] {
  const { aliases, knownRooms, sendEvent } = deps
  return [
    // PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
      aliases: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
      auth: 'user',
      limit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.Optional(Type.String()) }),
      body: jsonObject,
      handler: async ({ requester, params, body }) => {
        const room = await knownRooms.require(parseRoomId(params.roomId))
        const { eventType: type, stateKey = '' } = params
        if (type === 'm.room.canonical_alias') await aliases.checkCanonical(room, body)
        return { event_id: await sendEvent.send({ requester, room, type, stateKey, content: body }) }
      },
    }),
  ]
}
