import type { Route } from '#http/route.ts'
import { defaultRoomVersion, knownRoomVersions } from '#protocol/room-versions.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const capabilities = {
  'm.change_password': { enabled: true },
  'm.room_versions': {
    default: defaultRoomVersion,
    available: Object.fromEntries(knownRoomVersions.map((version) => [version, 'stable'])),
  },
  'm.profile_fields': { enabled: true },
  'm.set_displayname': { enabled: true },
  'm.set_avatar_url': { enabled: true },
  'm.3pid_changes': { enabled: false },
  'm.get_login_token': { enabled: false },
  'm.forget_forced_upon_leave': { enabled: false },
}

/** What the server can do. */
export function capabilitiesRoutes(): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/capabilities
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities
    route({
      method: 'GET',
      path: '/_matrix/client/v3/capabilities',
      auth: 'user',
      limit: 'default',
      handler: async () => ({ capabilities }),
    }),
  ]
}
