import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { IgnoredUsers } from '#users/ignored-users.ts'

const nobody: ReadonlySet<number> = new Set()

/** Whose events someone does not want to see. https://spec.matrix.org/v1.19/client-server-api/#ignoring-users */
export class IgnoredSenders {
  readonly #ignoredUsers: Pick<IgnoredUsers, 'of'>
  readonly #interned: Interned

  constructor(deps: { readonly ignoredUsers: Pick<IgnoredUsers, 'of'>; readonly interned: Interned }) {
    this.#ignoredUsers = deps.ignoredUsers
    this.#interned = deps.interned
  }

  /** The integer ids of the users that someone ignores. No query for those who ignore nobody. */
  async of(userId: UserId): Promise<ReadonlySet<number>> {
    const ignored = await this.#ignoredUsers.of(userId)
    if (ignored.size === 0) return nobody
    return new Set((await this.#interned.userNidsIfKnown([...ignored])).values())
  }

  /** Those of the events that are not by somebody ignored, in their order. State is what it is, whoever set it. */
  async without(userId: UserId, rows: readonly EventRow[]): Promise<readonly EventRow[]> {
    const ignored = await this.of(userId)
    return ignored.size === 0 ? rows : rows.filter((row) => row.keyNid !== null || !ignored.has(row.senderNid))
  }
}
