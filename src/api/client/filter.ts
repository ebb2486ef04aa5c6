import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Filters } from '#users/filters.ts'
import type { Requester } from '#users/requester.ts'
import { ownUserId } from '../own-user.ts'
import { route } from '../route.ts'

/** Filters that clients keep here. */
export function filterRoutes(deps: { readonly filters: Filters }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/user/{userId}/filter
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
    route({
      method: 'POST',
      path: '/_matrix/client/v3/user/{userId}/filter',
      auth: 'user',
      params: Type.Object({ userId: Type.String() }),
      body: Type.Unsafe<JsonObject>(Type.Object({})),
      handler: async ({ requester, params, body }) => ({
        filter_id: await deps.filters.create(ownUserId(requester, params.userId), body),
      }),
    }),

    // GET /_matrix/client/v3/user/{userId}/filter/{filterId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/{userId}/filter/{filterId}',
      auth: 'user',
      params: Type.Object({ userId: Type.String(), filterId: Type.String() }),
      handler: async ({ requester, params }) =>
        new JsonText(await deps.filters.definition(ownUserId(requester, params.userId), params.filterId)),
    }),
  ]
}
