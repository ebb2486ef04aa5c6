import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { crossSigningKeysOf } from '#storage/cross-signing.ts'
import type { Database } from '#storage/transaction.ts'
import type { Accounts } from './accounts.ts'
import type { Session, Sessions } from './sessions.ts'

/** A login with a password. */
export interface PasswordLogin {
  /** `alice` or `@alice:example.org`. */
  readonly user: string
  readonly password: string
  readonly deviceId: string | undefined
  readonly deviceName: string | undefined
  readonly refreshable: boolean
}

/** Logs people in. https://spec.matrix.org/v1.19/client-server-api/#legacy-login */
export class Login {
  readonly #accounts: Accounts
  readonly #sessions: Sessions
  readonly #database: Database

  constructor(deps: { readonly accounts: Accounts; readonly sessions: Sessions; readonly database: Database }) {
    this.#accounts = deps.accounts
    this.#sessions = deps.sessions
    this.#database = deps.database
  }

  /** The login types offered. */
  types(): readonly string[] {
    return ['m.login.password']
  }

  /**
   * Logs in with a password. Throws M_FORBIDDEN, also for a device id that is the name of one of the user's
   * cross-signing keys, since both are told from each other by name alone; M_INVALID_PARAM for a device id or name
   * that cannot be.
   */
  async withPassword(login: PasswordLogin): Promise<Session> {
    const { userId } = await this.#accounts.authenticate(login.user, login.password)
    const { deviceId, deviceName, refreshable } = login
    if (deviceId !== undefined && (await this.#isCrossSigningKey(userId, deviceId)))
      throw new MatrixError('M_FORBIDDEN', 'This device id names a cross-signing key. Choose another one.')
    return this.#sessions.create({ userId, deviceId, deviceName, refreshable })
  }

  async #isCrossSigningKey(userId: UserId, deviceId: string): Promise<boolean> {
    const keys = await this.#database.runInteraction('check_device_id', (txn) => crossSigningKeysOf(txn, [userId]), {
      readOnly: true,
    })
    return keys.some((key) => key.publicKey === deviceId)
  }
}
