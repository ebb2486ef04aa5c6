import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import { anyAccount } from '#storage/accounts.ts'
import * as store from '#storage/registration-tokens.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { randomText } from './tokens.ts'

const tokenRandomBytes = 16
/** https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration */
const tokenGrammar = /^[A-Za-z0-9._~-]{1,64}$/

/** The tokens by which people may register: handed out by an administrator, or printed at the first start. */
export class RegistrationTokens {
  readonly #database: Database
  readonly #clock: Clock

  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database
    this.#clock = deps.clock
  }

  /**
   * Makes a token, good for `usesAllowed` accounts (any number when undefined) until `expiresTs` (milliseconds since
   * 1970; for ever when undefined). Throws M_INVALID_PARAM when a chosen token cannot be one or is there already.
   */
  async create(options: {
    readonly token?: string
    readonly usesAllowed?: number
    readonly expiresTs?: number
  }): Promise<string> {
    const token = options.token ?? randomText(tokenRandomBytes)
    if (!tokenGrammar.test(token))
      throw new MatrixError('M_INVALID_PARAM', 'A token has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -')
    const createdTs = this.#clock.now()
    const isNew = await this.#database.runInteraction('create_registration_token', (txn) =>
      store.insertRegistrationToken(txn, {
        token,
        usesAllowed: options.usesAllowed ?? null,
        expiresTs: options.expiresTs ?? null,
        makesAdmin: 0,
        createdTs,
      }),
    )
    if (!isNew) throw new MatrixError('M_INVALID_PARAM', 'There is such a token already.')
    return token
  }

  /**
   * While there is no account: the one-time token that makes the first, administrator, account; the same at each
   * start. Undefined once there is an account.
   */
  firstAdminToken(): Promise<string | undefined> {
    const token = randomText(tokenRandomBytes)
    const createdTs = this.#clock.now()
    return this.#database.runInteraction('first_admin_token', async (txn) => {
      if (await anyAccount(txn)) return undefined
      const row = await store.firstAdminToken(txn)
      if (row !== undefined) return row.token
      await store.insertRegistrationToken(txn, { token, usesAllowed: 1, expiresTs: null, makesAdmin: 1, createdTs })
      return token
    })
  }

  /** Whether an account could be made with the token at this moment. */
  isValid(token: string): Promise<boolean> {
    if (!tokenGrammar.test(token)) return Promise.resolve(false)
    const now = this.#clock.now()
    return this.#database.runInteraction(
      'check_registration_token',
      async (txn) => {
        const row = await store.registrationToken(txn, token)
        if (row === undefined) return false
        if (row.usesAllowed !== null && row.uses >= row.usesAllowed) return false
        if (row.expiresTs !== null && row.expiresTs <= now) return false
        return row.makesAdmin === 0 || !(await anyAccount(txn))
      },
      { readOnly: true },
    )
  }

  /**
   * Spends one use of the token in the transaction that makes the account, before the account is there; gives whether
   * it makes an administrator. `now` in milliseconds since 1970. Throws M_UNAUTHORIZED when it is not valid any more.
   */
  async spend(txn: Transaction, token: string, now: number): Promise<{ readonly makesAdmin: boolean }> {
    const row = tokenGrammar.test(token) ? await store.registrationToken(txn, token) : undefined
    const tooLate = row?.makesAdmin === 1 && (await anyAccount(txn))
    if (row === undefined || tooLate || !(await store.useRegistrationToken(txn, token, now)))
      throw new MatrixError('M_UNAUTHORIZED', 'The registration token is not valid (any more).')
    return { makesAdmin: row.makesAdmin === 1 }
  }
}
