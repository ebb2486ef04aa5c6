import { Type } from 'typebox'
import type { Route } from '#http/route.ts'
import type { Aliases } from '#rooms/aliases.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { PublicSummary, RoomSummary } from '#rooms/room-summary.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Looking at a room before one joins it. */
export function roomSummaryRoutes(deps: {
  readonly aliases: Aliases
  readonly roomSummary: RoomSummary
}): Route<Requester>[] {
  const { aliases, roomSummary } = deps
  return [
    // GET /_matrix/client/v1/room_summary/{roomIdOrAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
    route({
      method: 'GET',
      path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
      aliases: [
        '/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}',
        '/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary',
      ],
      auth: 'optional',
      limit: 'default',
      params: Type.Object({ roomIdOrAlias: Type.String() }),
      handler: async ({ requester, params }) => {
        const room = await aliases.room(params.roomIdOrAlias)
        const { summary, membership } = await roomSummary.publicFor(requester?.userId, room)
        return { ...answerOf(room, summary), membership }
      },
    }),
  ]
}

function answerOf(room: Room, summary: PublicSummary): object {
  return {
    room_id: room.roomId,
    name: summary.name,
    topic: summary.topic,
    avatar_url: summary.avatarUrl,
    canonical_alias: summary.canonicalAlias,
    join_rule: summary.joinRule,
    allowed_room_ids: summary.allowedRoomIds.length > 0 ? summary.allowedRoomIds : undefined,
    world_readable: summary.worldReadable,
    guest_can_join: summary.guestCanJoin,
    num_joined_members: summary.joined,
    room_type: summary.roomType,
    encryption: summary.encryption,
    'im.nheko.summary.encryption': summary.encryption,
    room_version: room.version.version,
    'im.nheko.summary.version': room.version.version,
  }
}
