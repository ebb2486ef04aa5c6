import type { Route } from '#http/route.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { onSomeone } from '../on-someone.ts'

/** Banning people, and lifting bans. */
export function banningRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/ban
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban
    onSomeone(knownRooms, { path: '/_matrix/client/v3/rooms/{roomId}/ban' }, (request) => membership.ban(request)),
    // POST /_matrix/client/v3/rooms/{roomId}/unban
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
    onSomeone(knownRooms, { path: '/_matrix/client/v3/rooms/{roomId}/unban' }, (request) => membership.unban(request)),
  ]
}
