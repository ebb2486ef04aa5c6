import { LruCache } from '#base/lru-cache.ts'
import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import { withLegacyMentions } from '#protocol/legacy-push-rules.ts'
import { compilePushRules, type CompiledPushRules } from '#protocol/push-evaluation.ts'
import { defaultPushRules } from '#protocol/push-rules.ts'
import { accountDataOfUsers } from '#storage/account-data.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import { ignoredIn, ignoredUsersType } from './ignored-users.ts'
import { pushRulesType, storedPushRules } from './push-rules/changes.ts'

const cachedUsersMax = 20_000

/** The account data from which settings are made. */
export const notificationSettingsTypes: readonly string[] = [pushRulesType, ignoredUsersType]

/** What decides which events a user is notified of. */
export interface UserNotifications {
  /** Their push rules, and those for the mentions of older clients. */
  readonly rules: CompiledPushRules
  readonly ignored: ReadonlySet<UserId>
  /** Where on the account data stream they last changed; 0 for who has changed nothing. */
  readonly position: number
}

interface Cached {
  readonly settings: UserNotifications
  /** What they were before, if that was known. */
  readonly before: UserNotifications | undefined
  /** They are known to be right up to this position of the account data stream. */
  readonly upTo: number
}

const anybody = parseUserId('@reader:server.invalid')

/** Of everybody who has changed nothing: what depends on the user in these rules is the reader's. */
const unchanged: UserNotifications = {
  rules: compilePushRules(withLegacyMentions(defaultPushRules(anybody), anybody)),
  ignored: new Set(),
  position: 0,
}

/** What each user wants to be notified of, ready for many events, and kept in memory until it changes. */
export class NotificationSettings {
  readonly #database: Database
  readonly #streams: Pick<Streams, 'accountData'>
  readonly #known = new LruCache<UserId, Cached>(cachedUsersMax, 'notification_settings')

  constructor(deps: { readonly database: Database; readonly streams: Pick<Streams, 'accountData'> }) {
    this.#database = deps.database
    this.#streams = deps.streams
  }

  /**
   * The settings of these users. One query for all of whom they are not known, or perhaps no longer right. The same
   * object as before for who has not changed them.
   */
  async of(userIds: Iterable<UserId>): Promise<ReadonlyMap<UserId, UserNotifications>> {
    const { accountData } = this.#streams
    const found = new Map<UserId, UserNotifications>()
    const unknown: UserId[] = []
    for (const userId of userIds) {
      const cached = this.#known.get(userId)
      if (cached === undefined || accountData.userChangedSince(userId, cached.upTo)) unknown.push(userId)
      else found.set(userId, cached.settings)
    }
    if (unknown.length === 0) return found
    const upTo = accountData.position
    const rows = await this.#database.runInteraction(
      'notification_settings',
      (txn) => accountDataOfUsers(txn, unknown, notificationSettingsTypes),
      { readOnly: true },
    )
    for (const [userId, settings] of settingsOf(unknown, rows)) {
      const known = this.#known.get(userId)
      const isSame = known?.settings.position === settings.position
      const next = isSame ? { ...known, upTo } : { settings, before: known?.settings, upTo }
      this.#known.set(userId, next)
      found.set(userId, next.settings)
    }
    return found
  }

  /** What a user's settings were before they last changed; where that is not known, those of who has changed nothing. */
  before(userId: UserId): UserNotifications {
    return this.#known.get(userId)?.before ?? unchanged
  }
}

/** The settings of these users as the database has them. One query. */
export async function readNotificationSettings(
  txn: Transaction,
  userIds: readonly UserId[],
): Promise<Map<UserId, UserNotifications>> {
  return settingsOf(userIds, await accountDataOfUsers(txn, userIds, notificationSettingsTypes))
}

type SettingsRow = Awaited<ReturnType<typeof accountDataOfUsers>>[number]

function settingsOf(userIds: readonly UserId[], rows: readonly SettingsRow[]): Map<UserId, UserNotifications> {
  const byUser = Map.groupBy(rows, (row): string => row.userId)
  return new Map(userIds.map((userId) => [userId, settingsIn(userId, byUser.get(userId) ?? [])]))
}

function settingsIn(
  userId: UserId,
  rows: readonly { readonly type: string; readonly content: string; readonly position: number }[],
): UserNotifications {
  if (rows.length === 0) return unchanged
  const stored = (type: string): string | undefined => rows.find((row) => row.type === type)?.content
  const changes = stored(pushRulesType)
  return {
    rules:
      changes === undefined
        ? unchanged.rules
        : compilePushRules(withLegacyMentions(storedPushRules(userId, changes), userId)),
    ignored: ignoredIn(stored(ignoredUsersType)),
    position: Math.max(...rows.map((row) => row.position)),
  }
}
