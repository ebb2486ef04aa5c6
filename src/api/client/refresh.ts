import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import type { Sessions } from '#users/sessions.ts'
import { route } from '../route.ts'
import { tokensAnswer } from '../session-answer.ts'

/** Fresh tokens for a refresh token. */
export function refreshRoutes(deps: { readonly sessions: Sessions }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/refresh https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh
    route({
      method: 'POST',
      path: '/_matrix/client/v3/refresh',
      auth: 'none',
      limit: 'login',
      body: Type.Object({ refresh_token: Type.String() }),
      handler: async ({ body }) => tokensAnswer(await deps.sessions.refresh(body.refresh_token)),
    }),
  ]
}
