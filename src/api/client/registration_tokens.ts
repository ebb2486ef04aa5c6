import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { Registration } from '#users/registration.ts'
import type { RegistrationTokens } from '#users/registration-tokens.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

/** Asking whether a registration token is good. */
export function registrationTokensRoutes(deps: {
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
}): Route<Requester>[] {
  return [
    // GET /_matrix/client/v1/register/m.login.registration_token/validity
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity
    route({
      method: 'GET',
      path: '/_matrix/client/v1/register/m.login.registration_token/validity',
      auth: 'none',
      limit: 'registration',
      query: Type.Object({ token: Type.String() }),
      handler: async ({ query }) => {
        deps.registration.checkOpen()
        return { valid: await deps.registrationTokens.isValid(query.token) }
      },
    }),
  ]
}
