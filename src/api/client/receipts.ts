import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { ReadMarkers } from '#rooms/read-markers.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Saying how far one has read. */
export function receiptsRoutes(deps: { readonly readMarkers: ReadMarkers }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
      auth: 'user',
      params: Type.Object({
        roomId: Type.String(),
        receiptType: Type.Enum(['m.read', 'm.read.private', 'm.fully_read']),
        eventId: Type.String(),
      }),
      body: Type.Object({ thread_id: Type.Optional(Type.Unknown()) }),
      handler: async ({ requester, params, body }) => {
        const { receiptType, ...ids } = params
        const threadId = threadIn(body.thread_id)
        if (receiptType === 'm.fully_read' && threadId !== undefined)
          throw new MatrixError('M_INVALID_PARAM', 'm.fully_read is for the whole room: leave thread_id out.')
        const eventId = parseEventId(ids.eventId)
        await deps.readMarkers.move(requester.userId, parseRoomId(ids.roomId), {
          read: receiptType === 'm.read' ? eventId : undefined,
          readPrivate: receiptType === 'm.read.private' ? eventId : undefined,
          fullyRead: receiptType === 'm.fully_read' ? eventId : undefined,
          threadId,
        })
        return {}
      },
    }),
  ]
}

function threadIn(value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw new MatrixError('M_INVALID_PARAM', 'thread_id must be "main" or the event id of a thread root.')
}
