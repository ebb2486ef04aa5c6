import type { Route } from '#http/route.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Membership } from '#rooms/membership.ts'
import type { Requester } from '#users/requester.ts'
import { onSomeone } from '../on-someone.ts'

/** Inviting people. */
export function invitingRoutes(deps: {
  readonly knownRooms: KnownRooms
  readonly membership: Membership
}): Route<Requester>[] {
  const { knownRooms, membership } = deps
  return [
    // POST /_matrix/client/v3/rooms/{roomId}/invite
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
    onSomeone(knownRooms, { path: '/_matrix/client/v3/rooms/{roomId}/invite', limit: 'invite' }, (request) =>
      membership.invite(request),
    ),
  ]
}
