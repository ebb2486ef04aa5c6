import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { deleteRoomRoutes } from './admin/delete_room.ts'
import { experimentalFeaturesRoutes } from './admin/experimental_features.ts'
import { purgeHistoryRoutes } from './admin/purge_history.ts'
import { registerRoutes } from './admin/register.ts'

/** The endpoints by which scripts and administrators run the server. */
export function adminRoutes(
  deps: Parameters<typeof registerRoutes>[0] &
    Parameters<typeof experimentalFeaturesRoutes>[0] &
    Parameters<typeof purgeHistoryRoutes>[0],
): Route<Requester>[] {
  return [
    ...registerRoutes(deps),
    ...experimentalFeaturesRoutes(deps),
    ...purgeHistoryRoutes(deps),
    ...deleteRoomRoutes(deps),
  ]
}
