import { Type } from '#http/schema.ts'
import type { Static } from 'typebox'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { Login } from '#users/login.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { sessionAnswer } from '../session-answer.ts'

const loginBody = Type.Object({
  type: Type.String(),
  identifier: Type.Optional(Type.Object({ type: Type.Optional(Type.String()), user: Type.Optional(Type.String()) })),
  user: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  device_id: Type.Optional(Type.String()),
  initial_device_display_name: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Type.Boolean()),
})

/** Logging in. */
export function loginRoutes(deps: { readonly login: Login }): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/login https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login
    route({
      method: 'GET',
      path: '/_matrix/client/v3/login',
      auth: 'none',
      limit: 'default',
      handler: async () => ({ flows: deps.login.types().map((type) => ({ type })) }),
    }),

    // POST /_matrix/client/v3/login https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
    route({
      method: 'POST',
      path: '/_matrix/client/v3/login',
      auth: 'none',
      limit: 'login',
      body: loginBody,
      handler: async ({ body }) => {
        if (!deps.login.types().includes(body.type))
          throw new MatrixError('M_UNKNOWN', 'This login type is not offered here: see GET /login.', { status: 400 })
        const user = userOf(body)
        if (body.password === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing from the body: password.')
        const session = await deps.login.withPassword({
          user,
          password: body.password,
          deviceId: body.device_id,
          deviceName: body.initial_device_display_name,
          refreshable: body.refresh_token === true,
        })
        return sessionAnswer(session)
      },
    }),
  ]
}

/** The user that a login names, by identifier or in the older way. */
function userOf({ identifier, user }: Static<typeof loginBody>): string {
  if (identifier !== undefined && identifier.type !== 'm.id.user')
    throw new MatrixError('M_FORBIDDEN', 'Users are known here by their Matrix id alone (m.id.user).')
  const name = identifier === undefined ? user : identifier.user
  if (name === undefined)
    throw new MatrixError('M_MISSING_PARAM', `Missing from the body: ${identifier ? 'identifier.user' : 'identifier'}.`)
  return name
}
