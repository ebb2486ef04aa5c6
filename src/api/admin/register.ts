import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import type { SharedSecretRegistration } from '#users/shared-secret-registration.ts'
import { route } from '../route.ts'
import { sessionAnswer } from '../session-answer.ts'

const path = '/_synapse/admin/v1/register'

/** Registration by scripts that know the shared secret. */
export function registerRoutes(deps: {
  readonly sharedSecretRegistration: SharedSecretRegistration
}): Route<Requester>[] {
  const registration = deps.sharedSecretRegistration
  return [
    // GET /_synapse/admin/v1/register https://element-hq.github.io/synapse/latest/admin_api/register_api.html
    route({
      method: 'GET',
      path,
      auth: 'none',
      limit: 'default',
      handler: async () => ({ nonce: registration.nonce() }),
    }),

    // POST /_synapse/admin/v1/register https://element-hq.github.io/synapse/latest/admin_api/register_api.html
    route({
      method: 'POST',
      path,
      auth: 'none',
      limit: 'default',
      body: Type.Object({
        nonce: Type.String(),
        username: Type.String(),
        password: Type.String(),
        admin: Type.Optional(Type.Boolean()),
        user_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        inhibit_login: Type.Optional(Type.Boolean()),
        mac: Type.String(),
      }),
      handler: async ({ body }) => {
        const { userId, session } = await registration.register({
          nonce: body.nonce,
          username: body.username,
          password: body.password,
          admin: body.admin === true,
          userType: body.user_type ?? undefined,
          inhibitLogin: body.inhibit_login === true,
          mac: body.mac,
        })
        return session === undefined ? { user_id: userId } : sessionAnswer(session)
      },
    }),
  ]
}
