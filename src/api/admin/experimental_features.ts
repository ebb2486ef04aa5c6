import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseUserId } from '#protocol/identifiers.ts'
import type { FeatureFlags, Flags } from '#users/feature-flags.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const path = '/_synapse/admin/v1/experimental_features/{userId}'

/** Features that an administrator switches for single users. */
export function experimentalFeaturesRoutes(deps: { readonly featureFlags: FeatureFlags }): Route<Requester>[] {
  const { featureFlags } = deps
  return [
    // GET /_synapse/admin/v1/experimental_features/{userId} https://element-hq.github.io/synapse/latest/admin_api/experimental_features.html
    route({
      method: 'GET',
      path,
      auth: 'admin',
      params: Type.Object({ userId: Type.String() }),
      handler: async ({ params }) => {
        const userId = parseUserId(params.userId)
        if (!(await featureFlags.knows(userId))) throw new MatrixError('M_NOT_FOUND', 'There is no such user here.')
        return { features: await featureFlags.of(userId) }
      },
    }),

    // PUT /_synapse/admin/v1/experimental_features/{userId} https://element-hq.github.io/synapse/latest/admin_api/experimental_features.html
    route({
      method: 'PUT',
      path,
      auth: 'admin',
      params: Type.Object({ userId: Type.String() }),
      body: Type.Object({
        features: Type.Unsafe<Flags>({ type: 'object', additionalProperties: { type: 'boolean' } }),
      }),
      handler: async ({ params, body }) => {
        await featureFlags.set(parseUserId(params.userId), body.features)
        return {}
      },
    }),
  ]
}
