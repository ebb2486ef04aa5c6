import type { Route } from '#http/route.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { onSomeone } from '../on-someone.ts'

/** Removing people from rooms. */
export function kickingRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/kick
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick
    onSomeone(knownRooms, { path: '/_matrix/client/v3/rooms/{roomId}/kick' }, (request) => membership.kick(request)),
  ]
}
