import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import { relationDepthMax, type Relations } from '#rooms/relations.ts'
import { printTimelineToken } from '#rooms/timeline-token.ts'
import type { Requester } from '#users/requester.ts'
import { directionIn, listText, tokenIn } from '../event-list.ts'
import { route } from '../route.ts'

const relationsDefault = 50
const relationsPath = '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}'

/** What relates to an event. */
export function relationsRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly relations: Relations
}): Route<Requester>[] {
  const { clientEvents, relations } = deps
  return [
    // GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}, …/{relType}, …/{relType}/{eventType}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid
    route({
      method: 'GET',
      path: relationsPath,
      aliases: [`${relationsPath}/{relType}`, `${relationsPath}/{relType}/{eventType}`],
      auth: 'user',
      params: Type.Object({
        roomId: Type.String(),
        eventId: Type.String(),
        relType: Type.Optional(Type.String()),
        eventType: Type.Optional(Type.String()),
      }),
      query: Type.Object({
        from: Type.Optional(Type.String()),
        to: Type.Optional(Type.String()),
        dir: Type.Optional(Type.Enum(['b', 'f'])),
        limit: Type.Optional(Type.Integer({ minimum: 1 })),
        recurse: Type.Optional(Type.Boolean()),
      }),
      handler: async ({ requester, params, query }) => {
        const ids = { roomId: parseRoomId(params.roomId), eventId: parseEventId(params.eventId) }
        const page = await relations.page(requester.userId, ids, {
          relType: params.relType,
          eventType: params.eventType,
          from: tokenIn(query.from),
          to: tokenIn(query.to),
          direction: directionIn(query.dir),
          limit: query.limit ?? relationsDefault,
          recurse: query.recurse === true,
        })
        const options = { requester, format: 'v1', bundle: true, membership: true } as const
        let text = `{"chunk":${listText(await clientEvents.texts(page.rows, options))}`
        if (page.nextBatch !== undefined) text += `,"next_batch":${JSON.stringify(printTimelineToken(page.nextBatch))}`
        if (query.from !== undefined) text += `,"prev_batch":${JSON.stringify(query.from)}`
        if (query.recurse === true) text += `,"recursion_depth":${relationDepthMax}`
        return new JsonText(text + '}')
      },
    }),
  ]
}
