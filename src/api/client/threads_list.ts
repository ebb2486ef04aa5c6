import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { Threads } from '#rooms/threads.ts'
import type { Requester } from '#users/requester.ts'
import { listText } from '../event-list.ts'
import { route } from '../route.ts'

const threadsDefault = 20

/** The threads of rooms. */
export function threadsListRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly threads: Threads
}): Route<Requester>[] {
  return [
    // GET /_matrix/client/v1/rooms/{roomId}/threads
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
    route({
      method: 'GET',
      path: '/_matrix/client/v1/rooms/{roomId}/threads',
      auth: 'user',
      params: Type.Object({ roomId: Type.String() }),
      query: Type.Object({
        include: Type.Optional(Type.Enum(['all', 'participated'])),
        limit: Type.Optional(Type.Integer({ minimum: 1 })),
        from: Type.Optional(Type.String()),
      }),
      handler: async ({ requester, params, query }) => {
        const page = await deps.threads.page(requester.userId, parseRoomId(params.roomId), {
          participated: query.include === 'participated',
          limit: query.limit ?? threadsDefault,
          from: query.from,
        })
        const options = { requester, format: 'v1', bundle: true, membership: true } as const
        const next = page.nextBatch === undefined ? '' : `,"next_batch":${JSON.stringify(page.nextBatch)}`
        return new JsonText(`{"chunk":${listText(await deps.clientEvents.texts(page.rows, options))}${next}}`)
      },
    }),
  ]
}
