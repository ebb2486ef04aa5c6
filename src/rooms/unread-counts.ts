import type { Logger } from '#observability/logger.ts'
import type { ServerName, UserId } from '#protocol/identifiers.ts'
import type { Interned } from '#storage/interned.ts'
import { roomsAfter } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'
import { roomsReadBetween } from '#storage/unread-counts.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from '#users/account-data.ts'
import { notificationSettingsTypes, type NotificationSettings } from '#users/notification-settings.ts'
import { roomOf, type KnownRooms, type Room } from './known-rooms.ts'
import type { Memberships } from './memberships.ts'
import type { PersistEvent } from './persist-event.ts'
import type { Timeline } from './timeline.ts'
import { counterFaults } from './unread-counts/counter-faults.ts'
import { Counting } from './unread-counts/counting.ts'
import { FactsInMemory } from './unread-counts/facts-in-memory.ts'
import { HeldCounts } from './unread-counts/held-counts.ts'
import { counted, loadCounts, type Look } from './unread-counts/load-counts.ts'
import { mainThread, nothingUnread, type Tallies, type Tally } from './unread-counts/tallies.ts'

export { mainThread, nothingUnread, type Tallies, type Tally }

/** When a look at a room had to take in more events than this, its counters are moved on. */
const lookedAtMax = 10
/** Rooms whose counters are checked are listed so many at a time. */
const roomsAtOnce = 100
const readOnly = { readOnly: true }

/**
 * How much each of our users has unread in their rooms and threads. What is stored are counters that are kept a little
 * behind; a look adds the events since, and what it finds stays in memory, so that whoever follows a room counts each
 * event once and asks the database for nothing. docs/decisions/0015-unread-counts.md
 * https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
export class UnreadCounts {
  readonly #database: Database
  readonly #interned: Interned
  readonly #streams: Streams
  readonly #settings: NotificationSettings
  readonly #serverName: ServerName
  readonly #facts: FactsInMemory
  readonly #held: HeldCounts
  readonly #counting: Counting

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly streams: Streams
    readonly memberships: Memberships
    readonly knownRooms: KnownRooms
    readonly timeline: Timeline
    readonly persistEvent: Pick<PersistEvent, 'onPersisted'>
    readonly accountData: Pick<AccountData, 'onChanged'>
    readonly notificationSettings: NotificationSettings
    readonly serverName: ServerName
    readonly logger: Logger
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#streams = deps.streams
    this.#settings = deps.notificationSettings
    this.#serverName = deps.serverName
    this.#facts = new FactsInMemory(deps)
    this.#held = new HeldCounts({ ...deps, facts: this.#facts })
    const onRenewed = (userId: UserId, roomNids: readonly number[]): void => this.#held.forget(userId, roomNids)
    this.#counting = new Counting({ ...deps, onRenewed })
    deps.persistEvent.onPersisted(({ room, rows }) => {
      this.#counting.arrived(room, rows.length)
    })
    deps.accountData.onChanged((userId, roomId, type) => {
      if (roomId === null && notificationSettingsTypes.includes(type)) this.#counting.settingsChanged(userId)
    })
  }

  /**
   * Every room, with what its counters have wrong, a sentence each: they are counted anew from the events. One interaction
   * for a room.
   */
  static async *faults(
    database: Database,
    serverName: ServerName,
  ): AsyncGenerator<{ roomId: string; faults: readonly string[] }> {
    for (let after = 0; ;) {
      const rooms = await database.runInteraction('rooms_after', (txn) => roomsAfter(txn, after, roomsAtOnce), readOnly)
      for (const row of rooms) {
        const room = roomOf(row)
        const faults = await database.runInteraction(
          'counter_faults',
          (txn) => counterFaults(txn, room, serverName),
          readOnly,
        )
        yield { roomId: row.roomId, faults }
      }
      const last = rooms.at(-1)
      if (last === undefined) return
      after = last.roomNid
    }
  }

  /** Begins to move counters on in the background, with what was left to do. */
  start(): void {
    this.#counting.start()
  }

  /** Resolves when the counters are where they are to be; for tests. */
  settled(): Promise<void> {
    return this.#counting.settled()
  }

  /** Ends the work in the background; what is left is done after the next start. */
  close(): Promise<void> {
    return this.#counting.close()
  }

  /** Says that some of the history of a room has gone, and its counters with it. */
  forgetRoom(room: Room): void {
    this.#held.forgetRoom(room.roomNid)
  }

  /**
   * What a user who is joined to these rooms has unread in each, by the room's integer id, as of a position of the events
   * stream, or a little later. No query for what is in memory; otherwise a fixed number, whatever the number of rooms.
   */
  async of(userId: UserId, rooms: readonly Room[], upTo: number): Promise<ReadonlyMap<number, Tallies>> {
    const settings = rooms.length === 0 ? undefined : (await this.#settings.of([userId])).get(userId)
    if (settings === undefined) return new Map()
    const look: Look = { userId, settings, upTo, rooms: new Map(rooms.map((room) => [room.roomNid, room])) }
    const found = new Map(await this.#held.of(look))
    const unknown = [...look.rooms.keys()].filter((roomNid) => !found.has(roomNid))
    if (unknown.length > 0) await this.#load(look, unknown, found)
    return found
  }

  /**
   * In which rooms a user's counts changed without an event, after one position of the receipts stream and not after
   * another: by a receipt of theirs, or because their rules did. No query when that is known not to be, one otherwise.
   */
  async roomsChanged(userId: UserId, after: number, upTo: number): Promise<ReadonlySet<number>> {
    if (after >= upTo || !this.#streams.receipts.userChangedSince(userId, after)) return new Set()
    const userNid = await this.#interned.userNid(userId)
    const roomNids = await this.#database.runInteraction(
      'rooms_read_between',
      (txn) => roomsReadBetween(txn, { userId, userNid }, after, upTo),
      { readOnly: true },
    )
    return new Set(roomNids)
  }

  async #load(look: Look, roomNids: readonly number[], found: Map<number, Tallies>): Promise<void> {
    const { userId } = look
    const userNid = await this.#interned.userNid(userId)
    const mark = this.#held.mark()
    const request = { ...look, roomNids, userNid, serverName: this.#serverName }
    const recall = this.#facts.recall()
    const loaded = await this.#database.runInteraction('unread_counts', (txn) => loadCounts(txn, request, recall), {
      readOnly: true,
    })
    this.#facts.remember(loaded.facts, loaded.moments)
    for (const each of loaded.rooms) {
      const counts = counted(each)
      found.set(counts.roomNid, counts.tallies)
      this.#held.keep(userId, counts, mark)
      const room = look.rooms.get(counts.roomNid)
      if (counts.lookedAt > lookedAtMax && room !== undefined) this.#counting.wanted(room)
    }
  }
}
