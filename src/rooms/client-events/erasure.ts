import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { AccountDeactivation } from '#users/account-deactivation.ts'
import { ErasedUsers } from './erased-users.ts'
import type { Visibility } from '../visibility.ts'

/** Stands for a redaction that no event is: the number of no event. */
export const erasure = 0

/** What users wrote who have been erased: only those who were in the room then still read it. */
export class Erasure {
  readonly #interned: Interned
  readonly #visibility: Visibility
  readonly #erasedUsers: ErasedUsers

  constructor(deps: {
    readonly interned: Interned
    readonly visibility: Visibility
    readonly database: Database
    readonly accountDeactivation: Pick<AccountDeactivation, 'onDeactivated'>
  }) {
    this.#interned = deps.interned
    this.#visibility = deps.visibility
    this.#erasedUsers = new ErasedUsers(deps)
  }

  /**
   * The events, in their order; those that erased users sent while the reader was not joined as if they were redacted.
   * No query while nobody is erased.
   */
  async applied(userId: UserId, rows: readonly EventRow[]): Promise<readonly EventRow[]> {
    const users = await this.#erasedUsers.all()
    if (users.size === 0) return rows
    const nids = new Set((await this.#interned.userNidsIfKnown([...users])).values())
    const theirs = rows.filter((row) => nids.has(row.senderNid) && row.redactedBy === null)
    if (theirs.length === 0) return rows
    const memberships = await this.#visibility.membershipsAfter(userId, theirs)
    const pruned = new Set(
      theirs.filter(({ stateAfter }) => stateAfter === null || memberships.get(stateAfter) !== 'join'),
    )
    return rows.map((row) => (pruned.has(row) ? { ...row, redactedBy: erasure } : row))
  }
}
