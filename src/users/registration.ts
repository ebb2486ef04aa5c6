import { MatrixError } from '#protocol/errors.ts'
import { checkNewLocalpart, type ServerName, type UserId } from '#protocol/identifiers.ts'
import { insertAccount } from '#storage/accounts.ts'
import type { Database } from '#storage/transaction.ts'
import { type Accounts, userInUse } from './accounts.ts'
import { passwordBytesMax } from './passwords.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import { checkDeviceId, type Session, type Sessions } from './sessions.ts'
import { randomLetters } from './tokens.ts'

const passwordCharactersMin = 8
const generatedLocalpartLetters = 12

/** Who may register: everyone, holders of a token, nobody. */
export type RegistrationMode = 'open' | 'token' | 'closed'

/** A registration whose proof has been given. */
export interface RegistrationRequest {
  /** Undefined: one is made up. */
  readonly username: string | undefined
  readonly password: string
  /** Spent on this account. */
  readonly token?: string | undefined
  readonly deviceId?: string | undefined
  readonly deviceName?: string | undefined
  /** Do not log in. */
  readonly inhibitLogin?: boolean | undefined
  readonly refreshable?: boolean | undefined
  readonly admin?: boolean
  readonly userType?: string | undefined
}

/** What a registration gives; no session when the login was inhibited. */
export interface Registered {
  readonly userId: UserId
  readonly session: Session | undefined
}

/** Makes accounts for people. https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration */
export class Registration {
  #mode: RegistrationMode
  readonly #database: Database
  readonly #accounts: Accounts
  readonly #sessions: Sessions
  readonly #tokens: RegistrationTokens
  readonly #serverName: ServerName

  constructor(deps: {
    readonly database: Database
    readonly accounts: Accounts
    readonly sessions: Sessions
    readonly tokens: RegistrationTokens
    readonly serverName: ServerName
    readonly mode: RegistrationMode
  }) {
    this.#mode = deps.mode
    this.#database = deps.database
    this.#accounts = deps.accounts
    this.#sessions = deps.sessions
    this.#tokens = deps.tokens
    this.#serverName = deps.serverName
  }

  /** Who may make an account. */
  get mode(): RegistrationMode {
    return this.#mode
  }

  /** Lets others make accounts from now on. */
  changeMode(mode: RegistrationMode): void {
    this.#mode = mode
  }

  /** The user-interactive flows of registration. Throws M_FORBIDDEN when it is closed. */
  flows(): readonly (readonly string[])[] {
    this.checkOpen()
    return this.mode === 'token' ? [['m.login.registration_token']] : [['m.login.dummy']]
  }

  /** Throws M_FORBIDDEN when nobody may register. */
  checkOpen(): void {
    if (this.mode === 'closed')
      throw new MatrixError('M_FORBIDDEN', 'Registration is closed here. Ask the administrator for an account.')
  }

  /** The user id that a user name would have. Throws M_INVALID_USERNAME, or M_USER_IN_USE when it is taken. */
  async checkUsername(username: string): Promise<UserId> {
    const userId = checkNewLocalpart(username, this.#serverName)
    if ((await this.#accounts.find(userId)) !== undefined) throw userInUse()
    return userId
  }

  /**
   * Makes the account, spends the token and logs the device in, all or nothing. Throws M_INVALID_USERNAME,
   * M_USER_IN_USE, M_UNAUTHORIZED for the token, M_INVALID_PARAM for what cannot be stored. Whether registration is
   * open is not asked: whoever calls has decided.
   */
  async register(request: RegistrationRequest): Promise<Registered> {
    const username = request.username ?? randomLetters(generatedLocalpartLetters).toLowerCase()
    const userId = checkNewLocalpart(username, this.#serverName)
    if (request.deviceId !== undefined) checkDeviceId(request.deviceId)
    const { password, userType } = request
    const account = await this.#accounts.prepare({ userId, password, userType, admin: request.admin ?? false })
    const { deviceId, deviceName, refreshable } = request
    const drawn =
      request.inhibitLogin === true ? undefined : this.#sessions.draw({ userId, deviceId, deviceName, refreshable })
    return this.#database.runInteraction('register', async (txn): Promise<Registered> => {
      const spent =
        request.token === undefined ? undefined : await this.#tokens.spend(txn, request.token, account.createdTs)
      const admin = account.admin === 1 || spent?.makesAdmin === true ? 1 : 0
      if (!(await insertAccount(txn, { ...account, admin }))) throw userInUse()
      return { userId, session: drawn === undefined ? undefined : await this.#sessions.start(txn, drawn) }
    })
  }
}

/** Throws M_WEAK_PASSWORD when a password is too short to be one, M_INVALID_PARAM when it is too long. */
export function checkNewPassword(password: string): void {
  if ([...password].length < passwordCharactersMin)
    throw new MatrixError('M_WEAK_PASSWORD', `The password must have at least ${passwordCharactersMin} characters.`)
  if (Buffer.byteLength(password) > passwordBytesMax)
    throw new MatrixError('M_INVALID_PARAM', `The password must have at most ${passwordBytesMax} bytes.`)
}
