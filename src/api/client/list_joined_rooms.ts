import type { Route } from '#http/route.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Memberships } from '#rooms/memberships.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Which rooms one is in. */
export function listJoinedRoomsRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly memberships: Memberships
}): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/joined_rooms
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms
    route({
      method: 'GET',
      path: '/_matrix/client/v3/joined_rooms',
      auth: 'user',
      handler: async ({ requester }) => {
        const rows = [...(await deps.memberships.of(requester.userId)).values()]
        const joined = rows.filter((row) => row.membership === 'join').map((row) => row.roomNid)
        const rooms = await deps.knownRooms.byNids(joined)
        return { joined_rooms: [...rooms.values()].map((room) => room.roomId) }
      },
    }),
  ]
}
