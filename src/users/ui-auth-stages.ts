import { MatrixError } from '#protocol/errors.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { Accounts } from './accounts.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import type { UiAuthStage } from './ui-auth.ts'

/** Proves nothing. https://spec.matrix.org/v1.19/client-server-api/#dummy-auth */
export const dummyStage: UiAuthStage = { type: 'm.login.dummy', check: () => Promise.resolve('') }

/**
 * Proves the requester by their password. https://spec.matrix.org/v1.19/client-server-api/#password-based
 * An identifier may be left out, as older clients do: the access token has told who it is.
 */
export function passwordStage(accounts: Pick<Accounts, 'authenticate'>): UiAuthStage {
  return {
    type: 'm.login.password',
    async check(auth, userId) {
      const password = auth['password']
      if (typeof password !== 'string') throw new MatrixError('M_MISSING_PARAM', 'auth.password is missing.')
      const account = await accounts.authenticate(userNamed(auth) ?? userId ?? '', password)
      if (account.userId !== userId) throw new MatrixError('M_FORBIDDEN', 'This is the password of another user.')
      return account.userId
    },
  }
}

/** Proves an invitation to register. https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration */
export function registrationTokenStage(tokens: Pick<RegistrationTokens, 'isValid'>): UiAuthStage {
  return {
    type: 'm.login.registration_token',
    async check(auth) {
      const token = auth['token']
      if (typeof token !== 'string') throw new MatrixError('M_MISSING_PARAM', 'auth.token is missing.')
      if (!(await tokens.isValid(token)))
        throw new MatrixError('M_UNAUTHORIZED', 'The registration token is not valid (any more).')
      return token
    },
  }
}

/** The user that an `auth` object names, by identifier or in the older way; undefined when it names none. */
function userNamed(auth: JsonObject): string | undefined {
  const identifier = auth['identifier']
  const user = isJsonObject(identifier) ? identifier['user'] : auth['user']
  if (user === undefined && !isJsonObject(identifier)) return undefined
  const isUser = !isJsonObject(identifier) || identifier['type'] === 'm.id.user'
  if (!isUser || typeof user !== 'string')
    throw new MatrixError('M_FORBIDDEN', 'Users are known here by their Matrix id alone (m.id.user).')
  return user
}
