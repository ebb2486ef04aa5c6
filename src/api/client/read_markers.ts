import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseEventId, parseRoomId, type EventId } from '#protocol/identifiers.ts'
import type { ReadMarkers } from '#rooms/read-markers.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Moving the marker and the receipts of a room together. */
export function readMarkersRoutes(deps: { readonly readMarkers: ReadMarkers }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/read_markers
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
      auth: 'user',
      params: Type.Object({ roomId: Type.String() }),
      body: Type.Object({
        'm.fully_read': Type.Optional(Type.String()),
        'm.read': Type.Optional(Type.String()),
        'm.read.private': Type.Optional(Type.String()),
      }),
      handler: async ({ requester, params, body }) => {
        await deps.readMarkers.move(requester.userId, parseRoomId(params.roomId), {
          fullyRead: eventIn(body['m.fully_read']),
          read: eventIn(body['m.read']),
          readPrivate: eventIn(body['m.read.private']),
        })
        return {}
      },
    }),
  ]
}

function eventIn(text: string | undefined): EventId | undefined {
  return text === undefined ? undefined : parseEventId(text)
}
