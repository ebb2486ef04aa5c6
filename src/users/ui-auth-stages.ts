import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { Accounts } from './accounts.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import type { UiAuthStage } from './ui-auth.ts'

/** Wrong passwords that a user may give before being made to wait. */
const failuresMax = 10
const failuresKeptMs = 10 * 60 * 1000
const failingUsersMax = 10_000

/** Proves nothing. https://spec.matrix.org/v1.19/client-server-api/#dummy-auth */
export const dummyStage: UiAuthStage = { type: 'm.login.dummy', check: () => Promise.resolve('') }

/**
 * Proves the requester by their password. https://spec.matrix.org/v1.19/client-server-api/#password-based
 * An identifier may be left out, as older clients do: the access token has told who it is. Whoever got hold of a token
 * alone must not find the password by trying, so after some wrong ones this throws M_LIMIT_EXCEEDED for a while.
 */
export function passwordStage(accounts: Pick<Accounts, 'authenticate'>, clock: Clock): UiAuthStage {
  const failures = new LruCache<string, { readonly count: number; readonly until: number }>(failingUsersMax)
  return {
    type: 'm.login.password',
    async check(auth, requester) {
      const userId: string = requester ?? ''
      const password = auth['password']
      if (typeof password !== 'string') throw new MatrixError('M_MISSING_PARAM', 'auth.password is missing.')
      const now = clock.monotonic()
      const before = failures.get(userId)
      const failed = before !== undefined && before.until > now ? before : { count: 0, until: now + failuresKeptMs }
      if (failed.count >= failuresMax)
        throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many wrong passwords. Wait a while and try again.', {
          extra: { retry_after_ms: Math.ceil(failed.until - now) },
        })
      // Counted before the check, so that many at once are not all let through, and forgotten when it is right.
      failures.set(userId, { ...failed, count: failed.count + 1 })
      const account = await accounts.authenticate(userNamed(auth) ?? userId, password)
      if (account.userId !== userId) throw new MatrixError('M_FORBIDDEN', 'This is the password of another user.')
      failures.delete(userId)
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
