import type { Logger } from '#observability/logger.ts'
import { runInBackground } from '#observability/request-context.ts'
import { parseUserId, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import { usersWithNewSettings } from '#storage/unread-counts.ts'
import type { Streams } from '#streams/streams.ts'
import { notificationSettingsTypes, type NotificationSettings } from '#users/notification-settings.ts'
import type { KnownRooms, Room } from '../known-rooms.ts'
import type { Memberships } from '../memberships.ts'
import { countRoom } from './count-room.ts'
import { renewUser } from './renew-user.ts'

/** After so many events the counters of a room are moved on. */
const eventsBehindMax = 50
/** Between two rounds over the rooms that are behind: a room that is written to all the time is moved on in large steps. */
const restMs = 500

/** What counting needs. */
export interface CountingDeps {
  readonly database: Database
  readonly interned: Interned
  readonly streams: Streams
  readonly memberships: Memberships
  readonly knownRooms: KnownRooms
  readonly notificationSettings: NotificationSettings
  readonly serverName: ServerName
  readonly logger: Logger
  /** Told of the rooms in which a user's counters were made anew, after the commit. */
  readonly onRenewed: (userId: UserId, roomNids: readonly number[]) => void
}

/**
 * Moves counters on in the background, one room or user at a time, so that nobody else writes them. Nothing is lost when
 * it is interrupted: what is behind is found again by whoever looks, and after the next start.
 */
export class Counting {
  readonly #deps: CountingDeps
  /** Events that arrived in each room since its counters were moved on, as far as known. */
  readonly #arrived = new Map<number, number>()
  readonly #rooms = new Map<number, Room>()
  readonly #users = new Set<UserId>()
  #running: Promise<void> | undefined
  /** The next round, while nothing is under way. */
  #rest: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(deps: CountingDeps) {
    this.#deps = deps
  }

  /** Finds the users whose settings changed and whose counters do not know it yet. */
  start(): void {
    const found = runInBackground('find_new_settings', () =>
      this.#deps.database.runInteraction(
        'users_with_new_settings',
        (txn) => usersWithNewSettings(txn, notificationSettingsTypes),
        { readOnly: true, mayTakeLong: true },
      ),
    )
    found.then(
      (users) => {
        for (const { userId } of users) this.#users.add(parseUserId(userId))
        this.#run()
      },
      (error: unknown) => this.#report(error),
    )
  }

  /** Events have arrived in a room. */
  arrived(room: Room, count: number): void {
    const behind = (this.#arrived.get(room.roomNid) ?? 0) + count
    this.#arrived.set(room.roomNid, behind)
    if (behind >= eventsBehindMax) this.wanted(room)
  }

  /** Somebody had to look far into a room: its counters are to be moved on. */
  wanted(room: Room): void {
    this.#rooms.set(room.roomNid, room)
    this.#runLater()
  }

  /** A user wants to be notified of other events: their counters are made anew. */
  settingsChanged(userId: UserId): void {
    this.#users.add(userId)
    this.#run()
  }

  /** Does at once what there is to do; resolves when that is nothing. */
  async settled(): Promise<void> {
    while (!this.#isClosed && (this.#running !== undefined || this.#users.size + this.#rooms.size > 0)) {
      this.#run()
      await this.#running
    }
  }

  /** Ends after the step that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#rest)
    await this.#running
  }

  #run(): void {
    if (this.#running !== undefined || this.#isClosed) return
    clearTimeout(this.#rest)
    this.#rest = undefined
    this.#running = runInBackground('count_unread', () => this.#work()).finally(() => {
      this.#running = undefined
      // What came meanwhile.
      if (this.#users.size > 0) this.#run()
      else if (this.#rooms.size > 0) this.#runLater()
    })
  }

  #runLater(): void {
    if (this.#running !== undefined || this.#isClosed) return
    this.#rest ??= setTimeout(() => this.#run(), restMs).unref()
  }

  /** One round: the rooms that are behind now, and before each of them the users whose settings have changed. */
  async #work(): Promise<void> {
    // Behind whoever has just written: this is never urgent.
    await new Promise<void>((resolve) => setImmediate(resolve))
    const behind = [...this.#rooms.values()]
    this.#rooms.clear()
    while (!this.#isClosed) {
      const [userId] = this.#users
      try {
        if (userId !== undefined) {
          this.#users.delete(userId)
          await renewUser(this.#deps, userId, () => this.#isClosed)
          continue
        }
        const room = behind.pop()
        if (room === undefined) return
        this.#arrived.delete(room.roomNid)
        if (!(await countRoom(this.#deps, room))) behind.push(room)
      } catch (error) {
        this.#report(error)
      }
    }
  }

  #report(error: unknown): void {
    if (!this.#isClosed) this.#deps.logger.warn('Unread counts were not moved on', { error })
  }
}
