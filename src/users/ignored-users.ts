import { LruCache } from '#base/lru-cache.ts'
import { isUserId, type UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonValue } from '#protocol/json.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from './account-data.ts'

const listsMax = 10_000

/** The account data that says whom a user ignores. */
export const ignoredUsersType = 'm.ignored_user_list'

const nobody: ReadonlySet<UserId> = new Set()

/**
 * Whom each user ignores, remembered until their account data changes.
 * https://spec.matrix.org/v1.19/client-server-api/#ignoring-users
 */
export class IgnoredUsers {
  readonly #accountData: AccountData
  readonly #streams: Streams
  readonly #lists = new LruCache<UserId, { readonly position: number; readonly ignored: ReadonlySet<UserId> }>(
    listsMax,
    'ignored_users',
  )

  constructor(deps: { readonly accountData: AccountData; readonly streams: Streams }) {
    this.#accountData = deps.accountData
    this.#streams = deps.streams
  }

  /** The users whose events and invites `userId` does not want to see. No query while nothing changed. */
  async of(userId: UserId): Promise<ReadonlySet<UserId>> {
    const known = this.#lists.get(userId)
    if (known !== undefined && !this.#streams.accountData.userChangedSince(userId, known.position)) return known.ignored
    const position = this.#streams.accountData.position
    const text = await this.#accountData.get(userId, null, ignoredUsersType)
    const ignored = ignoredIn(text)
    this.#lists.set(userId, { position, ignored })
    return ignored
  }
}

/** Reads the content of `m.ignored_user_list`, written by a client and so perhaps of any shape. */
export function ignoredIn(text: string | undefined): ReadonlySet<UserId> {
  if (text === undefined) return nobody
  const content = JSON.parse(text) as JsonValue
  const users = isJsonObject(content) ? content['ignored_users'] : undefined
  return isJsonObject(users) ? new Set(Object.keys(users).filter((userId) => isUserId(userId))) : nobody
}
