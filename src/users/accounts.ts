import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { ServerName, UserId } from '#protocol/identifiers.ts'
import * as store from '#storage/accounts.ts'
import type { AccountRow } from '#storage/accounts.ts'
import type { Database } from '#storage/transaction.ts'
import { type Passwords, passwordBytesMax } from './passwords.ts'

const userBytesMax = 255

/** What is needed to make an account. Without a password it cannot be logged in to with one. */
export interface NewAccount {
  readonly userId: UserId
  readonly password?: string | undefined
  readonly admin?: boolean
  /** A free word about the kind of account ('bot', 'support'); undefined for people. */
  readonly userType?: string | undefined
}

/** The accounts of this server: who exists, and who knows their password. */
export class Accounts {
  readonly #database: Database
  readonly #clock: Clock
  readonly #passwords: Passwords
  readonly #serverName: ServerName

  constructor(deps: {
    readonly database: Database
    readonly clock: Clock
    readonly passwords: Passwords
    readonly serverName: ServerName
  }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#passwords = deps.passwords
    this.#serverName = deps.serverName
  }

  /** Makes an account as it is told, without asking any rule of registration. Throws M_USER_IN_USE. */
  async create(account: NewAccount): Promise<void> {
    const row = await this.prepare(account)
    const inserted = await this.#database.runInteraction('create_account', (txn) => store.insertAccount(txn, row))
    if (!inserted) throw userInUse()
  }

  /** The row of a new account, its password hashed: what is slow happens before a transaction. */
  async prepare(account: NewAccount): Promise<Parameters<typeof store.insertAccount>[1]> {
    return {
      userId: account.userId,
      passwordHash: account.password === undefined ? null : await this.#passwords.hash(account.password),
      admin: account.admin === true ? 1 : 0,
      userType: account.userType ?? null,
      createdTs: this.#clock.now(),
    }
  }

  /** The account of a user, deactivated or not. */
  async find(userId: UserId): Promise<AccountRow | undefined> {
    return (await this.#byIds([userId]))[0]
  }

  /** Those of `userIds` that have an account here which is not deactivated. One query. */
  async active(userIds: readonly UserId[]): Promise<Set<UserId>> {
    if (userIds.length === 0) return new Set()
    const rows = await this.#byIds(userIds)
    return new Set(rows.filter((row) => row.deactivatedTs === null).map((row) => row.userId))
  }

  /** True when there is any account at all. */
  any(): Promise<boolean> {
    return this.#database.runInteraction('any_account', store.anyAccount, { readOnly: true })
  }

  /**
   * The account whose user name (`alice`, `@alice:example.org`) and password these are. A name that fits no account
   * is tried in lower case as well. Throws M_FORBIDDEN, after the same time whether the user or the password is wrong.
   */
  async authenticate(user: string, password: string): Promise<AccountRow> {
    const candidates = this.#candidates(user)
    const rows = candidates.length === 0 ? [] : await this.#byIds(candidates)
    const account = rows.find((row) => row.userId === candidates[0]) ?? rows[0]
    const known = account?.deactivatedTs === null ? account.passwordHash : null
    const tooLong = Buffer.byteLength(password) > passwordBytesMax
    const matches = await this.#passwords.verify(tooLong ? '' : password, known)
    if (account === undefined || !matches || tooLong)
      throw new MatrixError('M_FORBIDDEN', 'The user name or the password is wrong.')
    return account
  }

  /** Gives an account a new password. Throws M_NOT_FOUND when there is no such active account. */
  async setPassword(userId: UserId, password: string): Promise<void> {
    const hash = await this.#passwords.hash(password)
    const changed = await this.#database.runInteraction('set_password', (txn) =>
      store.updatePasswordHash(txn, userId, hash),
    )
    if (!changed) throw new MatrixError('M_NOT_FOUND', 'There is no such account.')
  }

  /** Takes the account out of use for ever; `erase` keeps that its content should be erased. */
  async deactivate(userId: UserId, erase: boolean): Promise<void> {
    const now = this.#clock.now()
    await this.#database.runInteraction('deactivate_account', (txn) =>
      store.markDeactivated(txn, userId, { now, erased: erase }),
    )
  }

  #byIds(userIds: readonly string[]): Promise<AccountRow[]> {
    return this.#database.runInteraction('find_accounts', (txn) => store.accountsByIds(txn, userIds), {
      readOnly: true,
    })
  }

  /** The user ids that a user name may stand for, best first; none when it cannot be one of ours. */
  #candidates(user: string): string[] {
    const suffix = `:${this.#serverName}`
    if (user.startsWith('@') && !user.endsWith(suffix)) return []
    const localpart = user.startsWith('@') ? user.slice(1, -suffix.length) : user
    if (localpart === '' || localpart.includes('\0') || !localpart.isWellFormed()) return []
    if (Buffer.byteLength(localpart) > userBytesMax) return []
    return [...new Set([`@${localpart}${suffix}`, `@${localpart.toLowerCase()}${suffix}`])]
  }
}

/** The error for a user id that is taken. */
export function userInUse(): MatrixError {
  return new MatrixError('M_USER_IN_USE', 'This user name is taken. Choose another one.')
}
