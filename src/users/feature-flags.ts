import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { accountsByIds } from '#storage/accounts.ts'
import { setUserFlags, userFlags } from '#storage/feature-flags.ts'
import type { Database } from '#storage/transaction.ts'

const cachedUsersMax = 10_000
/** Features that can be switched for one user. */
const flagsMax = 100
const flagGrammar = /^[a-z][a-z0-9_.]{0,254}$/

/** Features by name, and whether they are switched on. */
export type Flags = Readonly<Record<string, boolean>>

/** What an administrator has switched on or off for single users, to try it before all have it. */
export class FeatureFlags {
  readonly #database: Database
  readonly #cache = new LruCache<UserId, Flags>(cachedUsersMax, 'feature_flags')
  /** Counts changes, so that a read that ran beside one does not bring the old flags back into the cache. */
  #changes = 0

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** The features switched for a user. One cached read. */
  async of(userId: UserId): Promise<Flags> {
    const cached = this.#cache.get(userId)
    if (cached !== undefined) return cached
    const changes = this.#changes
    const rows = await this.#database.runInteraction('get_user_flags', (txn) => userFlags(txn, userId), {
      readOnly: true,
    })
    const flags = Object.fromEntries(rows.map(({ flag, enabled }) => [flag, enabled === 1]))
    if (changes === this.#changes) this.#cache.set(userId, flags)
    return flags
  }

  /**
   * Switches features for a user; those not named stay as they are.
   * @throws MatrixError M_NOT_FOUND for somebody without an account here; M_INVALID_PARAM for a name that is none, or too many.
   */
  async set(userId: UserId, flags: Flags): Promise<void> {
    const wrong = Object.keys(flags).find((flag) => !flagGrammar.test(flag))
    if (wrong !== undefined)
      throw new MatrixError('M_INVALID_PARAM', 'A feature is named as msc1234 or org.example.name.')
    const rows = Object.entries(flags).map(([flag, on]) => ({ flag, enabled: on ? (1 as const) : (0 as const) }))
    await this.#database.runInteraction('set_user_flags', async (txn) => {
      const [account] = await accountsByIds(txn, [userId])
      if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such user here.')
      const names = new Set([...(await userFlags(txn, userId)).map(({ flag }) => flag), ...Object.keys(flags)])
      if (names.size > flagsMax)
        throw new MatrixError('M_INVALID_PARAM', `A user has at most ${flagsMax} features switched.`)
      await setUserFlags(txn, userId, rows)
    })
    this.#changes += 1
    this.#cache.delete(userId)
  }

  /** Whether a user has an account here. */
  async knows(userId: UserId): Promise<boolean> {
    const rows = await this.#database.runInteraction('get_account', (txn) => accountsByIds(txn, [userId]), {
      readOnly: true,
    })
    return rows.length > 0
  }
}
