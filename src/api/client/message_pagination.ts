import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { Members } from '#rooms/members.ts'
import type { RoomAccess } from '#rooms/room-access.ts'
import { printTimelineToken } from '#rooms/timeline-token.ts'
import type { Timeline } from '#rooms/timeline.ts'
import type { Requester } from '#users/requester.ts'
import { directionIn, filterIn, listText, tokenIn } from '../event-list.ts'
import { route } from '../route.ts'

const eventsDefault = 10

/** Reading history. */
export function messagePaginationRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly members: Members
  readonly roomAccess: RoomAccess
  readonly timeline: Timeline
}): Route<Requester>[] {
  const { clientEvents, members, roomAccess, timeline } = deps
  return [
    // GET /_matrix/client/v3/rooms/{roomId}/messages
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/messages',
      auth: 'user',
      params: Type.Object({ roomId: Type.String() }),
      query: Type.Object({
        from: Type.Optional(Type.String()),
        to: Type.Optional(Type.String()),
        dir: Type.Enum(['b', 'f']),
        limit: Type.Optional(Type.Integer({ minimum: 0 })),
        filter: Type.Optional(Type.String()),
      }),
      handler: async ({ requester, params, query }) => {
        const filter = filterIn(query.filter)
        const access = await roomAccess.read(requester.userId, parseRoomId(params.roomId))
        const page = await timeline.page(requester.userId, access, {
          direction: directionIn(query.dir),
          limit: query.limit ?? filter?.limit ?? eventsDefault,
          from: tokenIn(query.from),
          to: tokenIn(query.to),
          filter,
        })
        const format = 'v1'
        const chunk = await clientEvents.texts(page.rows, { requester, format, bundle: true, membership: true })
        let text = `{"chunk":${listText(chunk)},"start":${JSON.stringify(printTimelineToken(page.start))}`
        if (page.end !== undefined) text += `,"end":${JSON.stringify(printTimelineToken(page.end))}`
        if (filter?.lazyLoadMembers === true) {
          const events = await members.ofSenders(page.rows, page.rows[0])
          text += `,"state":${listText(await clientEvents.texts(events, { requester, format, bundle: false }))}`
        }
        return new JsonText(text + '}')
      },
    }),
  ]
}
