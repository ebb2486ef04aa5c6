import { forEverybody } from '#observability/asker.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { erasedUserIds } from '#storage/accounts.ts'
import type { Database } from '#storage/transaction.ts'
import type { AccountDeactivation } from '#users/account-deactivation.ts'

/**
 * Those of our users who asked to be erased when their account ended: few, so that all of them are held in memory.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
export class ErasedUsers {
  readonly #database: Database
  #users: Promise<ReadonlySet<UserId>> | undefined

  constructor(deps: {
    readonly database: Database
    readonly accountDeactivation: Pick<AccountDeactivation, 'onDeactivated'>
  }) {
    this.#database = deps.database
    deps.accountDeactivation.onDeactivated(() => {
      this.#users = undefined
      return Promise.resolve()
    })
  }

  /** All of them. One query, until another account ends. */
  all(): Promise<ReadonlySet<UserId>> {
    if (this.#users !== undefined) return this.#users
    const users = forEverybody(() =>
      this.#database.runInteraction('erased_users', (txn) => erasedUserIds(txn), { readOnly: true }),
    ).then((userIds) => new Set(userIds))
    this.#users = users
    users.catch(() => {
      if (this.#users === users) this.#users = undefined
    })
    return users
  }
}
