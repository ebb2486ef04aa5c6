import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { EventContext } from '#rooms/event-context.ts'
import { printTimelineToken } from '#rooms/timeline-token.ts'
import type { Requester } from '#users/requester.ts'
import { filterIn, listText } from '../event-list.ts'
import { route } from '../route.ts'

const eventsDefault = 10

/** Reading around an event. */
export function eventContextRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly eventContext: EventContext
}): Route<Requester>[] {
  const { clientEvents, eventContext } = deps
  return [
    // GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/context/{eventId}',
      auth: 'user',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
      query: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 0 })),
        filter: Type.Optional(Type.String()),
      }),
      handler: async ({ requester, params, query }) => {
        const ids = { roomId: parseRoomId(params.roomId), eventId: parseEventId(params.eventId) }
        const filter = filterIn(query.filter)
        const limit = query.limit ?? filter?.limit ?? eventsDefault
        const context = await eventContext.around(requester.userId, ids, limit, filter)
        const { event, before, after, state } = context
        const timeline = { requester, format: 'v1', bundle: true, membership: true } as const
        const texts = await clientEvents.texts([event, ...before, ...after], timeline)
        const stateTexts = await clientEvents.texts(state, { requester, format: 'v1', bundle: false })
        return new JsonText(
          `{"event":${texts[0] ?? '{}'},"events_before":${listText(texts.slice(1, 1 + before.length))},` +
            `"events_after":${listText(texts.slice(1 + before.length))},"state":${listText(stateTexts)},` +
            `"start":${JSON.stringify(printTimelineToken(context.start))},` +
            `"end":${JSON.stringify(printTimelineToken(context.end))}}`,
        )
      },
    }),
  ]
}
