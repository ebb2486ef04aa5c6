import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { parseEventId, parseRoomId } from '#protocol/identifiers.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { EventContext } from '#rooms/event-context.ts'
import type { Members } from '#rooms/members.ts'
import type { RoomAccess } from '#rooms/room-access.ts'
import type { StateView } from '#rooms/state-view.ts'
import type { Requester } from '#users/requester.ts'
import { listText, tokenIn } from '../event-list.ts'
import { route } from '../route.ts'

const roomParams = Type.Object({ roomId: Type.String() })
const membership = Type.Optional(Type.Enum(['join', 'invite', 'knock', 'leave', 'ban']))

/** Reading single events, the state and the members of rooms. */
export function roomsRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly eventContext: EventContext
  readonly members: Members
  readonly roomAccess: RoomAccess
  readonly stateView: StateView
}): Route<Requester>[] {
  return [...eventRoutes(deps), ...stateRoutes(deps), ...memberRoutes(deps)]
}

function eventRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly eventContext: EventContext
}): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/event/{eventId}',
      auth: 'user',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
      handler: async ({ requester, params }) => {
        const [roomId, eventId] = [parseRoomId(params.roomId), parseEventId(params.eventId)]
        const { event } = await deps.eventContext.event(requester.userId, roomId, eventId)
        const options = { requester, format: 'v1', bundle: true, membership: true } as const
        return new JsonText((await deps.clientEvents.texts([event], options)).join(''))
      },
    }),
  ]
}

function stateRoutes(deps: { readonly clientEvents: ClientEvents; readonly stateView: StateView }): Route<Requester>[] {
  const { clientEvents, stateView } = deps
  return [
    // GET /_matrix/client/v3/rooms/{roomId}/state
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/state',
      auth: 'user',
      params: roomParams,
      handler: async ({ requester, params }) => {
        const events = await stateView.all(requester.userId, parseRoomId(params.roomId))
        return new JsonText(listText(await clientEvents.texts(events, { requester, format: 'v1', bundle: false })))
      },
    }),

    // GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
      aliases: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
      auth: 'user',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.Optional(Type.String()) }),
      query: Type.Object({ format: Type.Optional(Type.Enum(['content', 'event'])) }),
      handler: async ({ requester, params, query }) => {
        const { eventType, stateKey = '' } = params
        const event = await stateView.one(requester.userId, parseRoomId(params.roomId), eventType, stateKey)
        if (query.format !== 'event') return new JsonText(await clientEvents.content(event))
        const texts = await clientEvents.texts([event], { requester, format: 'v2', bundle: false })
        return new JsonText(texts.join(''))
      },
    }),
  ]
}

function memberRoutes(deps: {
  readonly clientEvents: ClientEvents
  readonly members: Members
  readonly roomAccess: RoomAccess
}): Route<Requester>[] {
  const { clientEvents, members, roomAccess } = deps
  return [
    // GET /_matrix/client/v3/rooms/{roomId}/members
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/members',
      auth: 'user',
      params: roomParams,
      query: Type.Object({ at: Type.Optional(Type.String()), membership, not_membership: membership }),
      handler: async ({ requester, params, query }) => {
        const access = await roomAccess.read(requester.userId, parseRoomId(params.roomId))
        const events = await members.events(access, {
          membership: query.membership,
          notMembership: query.not_membership,
          at: tokenIn(query.at),
        })
        const texts = await clientEvents.texts(events, { requester, format: 'v1', bundle: false })
        return new JsonText(`{"chunk":${listText(texts)}}`)
      },
    }),

    // GET /_matrix/client/v3/rooms/{roomId}/joined_members
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/joined_members',
      auth: 'user',
      params: roomParams,
      handler: async ({ requester, params }) => {
        const room = await roomAccess.joined(requester.userId, parseRoomId(params.roomId))
        const joined = await members.joined(room)
        const profiles = [...joined].map(([userId, { displayName, avatarUrl }]) => [
          userId,
          { display_name: displayName, avatar_url: avatarUrl },
        ])
        return { joined: Object.fromEntries(profiles) as object }
      },
    }),
  ]
}
