import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Clients choose paths by version, so every one since v1.1 is named, not only the newest. */
const specVersions = Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`)

/**
 * Names from before a feature was in the specification, which clients still look for. Only what works here stands in
 * this list; a test holds it to the endpoints that each promises.
 */
const unstableFeatures: Readonly<Record<string, boolean>> = {
  'org.matrix.label_based_filtering': true,
  'org.matrix.e2e_cross_signing': true,
  'org.matrix.msc2285.stable': true,
  'org.matrix.msc3440.stable': true,
  'org.matrix.msc3771': true,
  'org.matrix.msc3773': true,
  'org.matrix.msc4222': true,
}

/** Which versions of the specification, and which features beyond it, this server offers. */
export function versionsRoutes(): Route<Requester>[] {
  return [
    // GET /_matrix/client/versions https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
    route({
      method: 'GET',
      path: '/_matrix/client/versions',
      auth: 'optional',
      handler: async () => ({ versions: specVersions, unstable_features: unstableFeatures }),
    }),
  ]
}
