import type { Route } from '#http/route.ts'
import type { FeatureFlags } from '#users/feature-flags.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Clients choose paths by version, so every one since v1.1 is named, not only the newest. */
const specVersions = Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`)

/** Names from before a feature was in the specification, which clients still look for. Only what works here is named. */
const unstableFeatures: Readonly<Record<string, boolean>> = {
  // Cross-signing keys and signatures.
  'org.matrix.e2e_cross_signing': true,
  // Read receipts that only their sender sees.
  'org.matrix.msc2285.stable': true,
  // Threads, receipts in threads, relations of relations.
  'org.matrix.msc3440.stable': true,
  'org.matrix.msc3771': true,
  'org.matrix.msc3981': true,
  // Profiles with fields of any name.
  'uk.tcpip.msc4133.stable': true,
  // The state after the timeline in a sync.
  'org.matrix.msc4222': true,
}

const everybodys = { versions: specVersions, unstable_features: unstableFeatures }

/** Which versions of the specification, and which features beyond it, this server offers. */
export function versionsRoutes(deps: { readonly featureFlags: Pick<FeatureFlags, 'of'> }): Route<Requester>[] {
  return [
    // GET /_matrix/client/versions https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
    route({
      method: 'GET',
      path: '/_matrix/client/versions',
      auth: 'optional',
      handler: async ({ requester }) => {
        if (requester === undefined) return everybodys
        const flags = Object.entries(await deps.featureFlags.of(requester.userId))
        if (flags.length === 0) return everybodys
        const switched = Object.fromEntries(flags.map(([flag, on]) => [unstableName(flag), on]))
        return { versions: specVersions, unstable_features: { ...unstableFeatures, ...switched } }
      },
    }),
  ]
}

/** A proposal that is named by its number alone stands under the name that such proposals have. */
function unstableName(flag: string): string {
  return flag.includes('.') ? flag : `org.matrix.${flag}`
}
