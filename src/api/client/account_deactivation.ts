import { Type } from '#http/schema.ts'
import { Answer, type Route } from '#http/route.ts'
import type { AccountDeactivation } from '#users/account-deactivation.ts'
import type { Requester } from '#users/requester.ts'
import { passwordFlows, type UiAuth } from '#users/ui-auth.ts'
import { authData } from '../auth-data.ts'
import { route } from '../route.ts'

/** Ending one's account. */
export function accountDeactivationRoutes(deps: {
  readonly accountDeactivation: AccountDeactivation
  readonly uiAuth: UiAuth
}): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/account/deactivate
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
    route({
      method: 'POST',
      path: '/_matrix/client/v3/account/deactivate',
      auth: 'user',
      limit: 'login',
      body: Type.Object({ auth: authData, erase: Type.Optional(Type.Boolean()) }),
      handler: async ({ requester, body }) => {
        const { userId } = requester
        const operation = 'POST /account/deactivate'
        const proof = await deps.uiAuth.require({ operation, body, userId, flows: passwordFlows })
        if (!proof.complete) return new Answer(401, proof.body)
        await deps.accountDeactivation.deactivate(requester, body.erase === true)
        // No account here has identifiers of third parties, so there are none left to unbind.
        return { id_server_unbind_result: 'success' }
      },
    }),
  ]
}
