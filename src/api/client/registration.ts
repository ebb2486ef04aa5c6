import { Type } from '#http/schema.ts'
import { Answer, type Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { checkNewPassword, type Registration } from '#users/registration.ts'
import type { Requester } from '#users/requester.ts'
import type { UiAuth } from '#users/ui-auth.ts'
import { authData } from '../auth-data.ts'
import { route } from '../route.ts'
import { sessionAnswer } from '../session-answer.ts'

/** Making an account. */
export function registrationRoutes(deps: {
  readonly registration: Registration
  readonly uiAuth: UiAuth
}): Route<Requester>[] {
  const { registration, uiAuth } = deps
  return [
    // POST /_matrix/client/v3/register https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register
    route({
      method: 'POST',
      path: '/_matrix/client/v3/register',
      auth: 'none',
      limit: 'registration',
      query: Type.Object({ kind: Type.Optional(Type.String()) }),
      body: Type.Object({
        auth: authData,
        username: Type.Optional(Type.String()),
        password: Type.Optional(Type.String()),
        device_id: Type.Optional(Type.String()),
        initial_device_display_name: Type.Optional(Type.String()),
        inhibit_login: Type.Optional(Type.Boolean()),
        refresh_token: Type.Optional(Type.Boolean()),
      }),
      handler: async ({ query, body }) => {
        checkKind(query.kind)
        const flows = registration.flows()
        if (body.username !== undefined) await registration.checkUsername(body.username)
        if (body.password !== undefined) checkNewPassword(body.password)
        const proof = await uiAuth.require({ operation: 'POST /register', body, userId: undefined, flows })
        if (!proof.complete) return new Answer(401, proof.body)
        if (body.password === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing from the body: password.')
        const { userId, session } = await registration.register({
          username: body.username,
          password: body.password,
          token: proof.results.get('m.login.registration_token'),
          deviceId: body.device_id,
          deviceName: body.initial_device_display_name,
          inhibitLogin: body.inhibit_login,
          refreshable: body.refresh_token,
        })
        return session === undefined ? { user_id: userId } : sessionAnswer(session)
      },
    }),

    // GET /_matrix/client/v3/register/available
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable
    route({
      method: 'GET',
      path: '/_matrix/client/v3/register/available',
      auth: 'none',
      limit: 'default',
      query: Type.Object({ username: Type.String() }),
      handler: async ({ query }) => {
        registration.checkOpen()
        await registration.checkUsername(query.username)
        return { available: true }
      },
    }),
  ]
}

function checkKind(kind: string | undefined): void {
  if (kind === 'guest')
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'There are no guests here. Register an account.')
  if (kind !== undefined && kind !== 'user')
    throw new MatrixError('M_INVALID_PARAM', 'kind in the query must be "user" or "guest".')
}
