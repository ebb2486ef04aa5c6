import { Type } from '#http/schema.ts'
import { Answer, type Route } from '#http/route.ts'
import type { PasswordManagement } from '#users/password-management.ts'
import { checkNewPassword } from '#users/registration.ts'
import type { Requester } from '#users/requester.ts'
import { passwordFlows, type UiAuth } from '#users/ui-auth.ts'
import { authData } from '../auth-data.ts'
import { route } from '../route.ts'

/** Changing one's password. */
export function passwordManagementRoutes(deps: {
  readonly passwordManagement: PasswordManagement
  readonly uiAuth: UiAuth
}): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/account/password
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
    route({
      method: 'POST',
      path: '/_matrix/client/v3/account/password',
      auth: 'user',
      limit: 'login',
      body: Type.Object({
        auth: authData,
        new_password: Type.String(),
        logout_devices: Type.Optional(Type.Boolean()),
      }),
      handler: async ({ requester, body }) => {
        checkNewPassword(body.new_password)
        const { userId } = requester
        const operation = 'POST /account/password'
        const proof = await deps.uiAuth.require({ operation, body, userId, flows: passwordFlows })
        if (!proof.complete) return new Answer(401, proof.body)
        await deps.passwordManagement.change(requester, body.new_password, body.logout_devices ?? true)
        return {}
      },
    }),
  ]
}
