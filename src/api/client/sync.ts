import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import type { Sync } from '#sync/sync.ts'
import type { StateAfterName } from '#sync/sync-context.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const syncQuery = Type.Object({
  filter: Type.Optional(Type.String()),
  since: Type.Optional(Type.String()),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(
    Type.Union([Type.Literal('offline'), Type.Literal('online'), Type.Literal('unavailable')]),
  ),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  use_state_after: Type.Optional(Type.Boolean()),
  // MSC4222 before it was in the specification: what matrix-js-sdk sends.
  'org.matrix.msc4222.use_state_after': Type.Optional(Type.Boolean()),
})

/** Following what happens. */
export function syncRoutes(deps: { readonly sync: Sync }): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/sync https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
    route({
      method: 'GET',
      path: '/_matrix/client/v3/sync',
      aliases: ['/_matrix/client/r0/sync'],
      auth: 'user',
      query: syncQuery,
      handler: async ({ requester, query, signal }) => {
        const text = await deps.sync.answer({
          requester,
          since: query.since,
          filter: query.filter,
          timeoutMs: query.timeout ?? 0,
          fullState: query.full_state ?? false,
          stateAfter: stateAfterName(query),
          signal,
        })
        return new JsonText(text)
      },
    }),
  ]
}

function stateAfterName(query: {
  readonly use_state_after?: boolean
  readonly 'org.matrix.msc4222.use_state_after'?: boolean
}): StateAfterName | undefined {
  if (query.use_state_after === true) return 'state_after'
  return query['org.matrix.msc4222.use_state_after'] === true ? 'org.matrix.msc4222.state_after' : undefined
}
