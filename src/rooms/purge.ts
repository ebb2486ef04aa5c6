import type { Clock } from '#base/clock.ts'
import { stateEventNids } from '#storage/auth-chains.ts'
import { forwardExtremities } from '#storage/event-edges.ts'
import { isKeptByUs } from '#storage/memberships.ts'
import {
  deleteEventsWhole,
  deleteStates,
  endPurge,
  openPurges,
  someEvents,
  startPurge,
  stateNidsOfRoom,
  type PurgeRow,
} from '#storage/purge.ts'
import { deleteAccountDataOfRoom, deleteRoom, deleteSomeOfRoom } from '#storage/purged-room.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { deleteUnreadOfRoom } from '#storage/unread-counts.ts'
import { indexEvents } from './auth-chains/index-events.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import { deleteOldEvents } from './purge/delete-old-events.ts'
import { findKept } from './purge/find-kept.ts'
import { PurgeSteps, PurgeStopped } from './purge/purge-steps.ts'
import { ReceiptsOfOldEvents } from './purge/receipts-of-old-events.ts'
import type { RoomWriter } from './room-writer.ts'

export { PurgeStopped }

/** States that one look at the database takes in. */
const nidsAtOnce = 5_000

/**
 * Deletes what nothing needs any more, in small transactions between those of others. What was begun is noted in the
 * database, and goes on where it was after a restart.
 */
export class Purge {
  readonly #database: Database
  readonly #knownRooms: KnownRooms
  readonly #roomWriter: RoomWriter
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #listeners: ((room: Room) => void)[] = []

  constructor(deps: {
    readonly database: Database
    readonly knownRooms: KnownRooms
    readonly roomWriter: RoomWriter
    readonly clock: Clock
  }) {
    this.#database = deps.database
    this.#knownRooms = deps.knownRooms
    this.#roomWriter = deps.roomWriter
    this.#clock = deps.clock
  }

  /** Calls `listener` for each room of which some of the history has gone, when it has. */
  onHistoryGone(listener: (room: Room) => void): void {
    this.#listeners.push(listener)
  }

  /**
   * Deletes the events of a room that lie before a depth, but for its ends; those that a kept state names stay as
   * outliers. People go on sending meanwhile; events of others wait. `onBegun` is called once the purge cannot be
   * forgotten any more. What has to stay is marked in memory: after a restart it is marked anew.
   */
  async history(room: Room, beforeDepth: number, onBegun?: () => void): Promise<void> {
    await this.#begin({ roomNid: room.roomNid, beforeDepth })
    onBegun?.()
    await this.#roomWriter.withoutOthers(room, () => this.#purgeHistory(room, beforeDepth))
  }

  /**
   * Deletes a room with everything in it. Nobody of ours may be in it any more: whoever calls has seen to that.
   * `onBegun` as in `history`.
   */
  async room(room: Room, onBegun?: () => void): Promise<void> {
    await this.#begin({ roomNid: room.roomNid, beforeDepth: null })
    onBegun?.()
    await this.#roomWriter.exclusively(room, () => this.#purgeRoom(room))
  }

  /** Deletes a room that everybody of ours has left and forgotten; leaves any other alone. */
  async ifForgotten(room: Room): Promise<void> {
    const { roomNid } = room
    await this.#roomWriter.exclusively(room, async () => {
      const begun = await this.#database.runInteraction('start_purge', async (txn) => {
        if (await isKeptByUs(txn, roomNid)) return false
        await startPurge(txn, { roomNid, beforeDepth: null })
        return true
      })
      if (begun) await this.#purgeRoom(room)
    })
  }

  /** Goes on with every purge that a restart has interrupted, one after another. */
  async resume(): Promise<void> {
    const purges = await this.#database.runInteraction('open_purges', (txn) => openPurges(txn), { readOnly: true })
    const rooms = await this.#knownRooms.byNids(purges.map((purge) => purge.roomNid))
    for (const purge of purges) {
      const room = rooms.get(purge.roomNid)
      if (room === undefined) await this.#endPurgeOfRoom(purge.roomNid)
      else if (purge.beforeDepth === null) await this.room(room)
      else await this.history(room, purge.beforeDepth)
    }
  }

  /** Ends what is under way after the present step, with PurgeStopped; it goes on after the next start. */
  stop(): void {
    this.#stop.abort()
  }

  async #begin(purge: PurgeRow): Promise<void> {
    await this.#database.runInteraction('start_purge', (txn) => startPurge(txn, purge))
  }

  #steps(): PurgeSteps {
    return new PurgeSteps({ database: this.#database, clock: this.#clock, signal: this.#stop.signal })
  }

  async #purgeHistory(room: Room, beforeDepth: number): Promise<void> {
    const { roomNid } = room
    const read = <T>(fn: (txn: Transaction) => Promise<T>): Promise<T> =>
      this.#database.runInteraction('purge_look', fn, { readOnly: true })
    // What is written from here on stands on what is marked, or on itself.
    const candidates: number[] = []
    for (let after = -Number.MAX_SAFE_INTEGER; ;) {
      const page = await read((txn) => stateNidsOfRoom(txn, { roomNid, after, limit: nidsAtOnce }))
      candidates.push(...page)
      after = page.at(-1) ?? after
      if (page.length < nidsAtOnce) break
    }
    const ends = new Set((await read((txn) => forwardExtremities(txn, roomNid))).map((end) => end.eventNid))
    const kept = await findKept(this.#database, { roomNid, beforeDepth, ends })
    const steps = this.#steps()
    const receipts = await ReceiptsOfOldEvents.of(this.#database, roomNid)
    await deleteOldEvents(steps, { roomNid, beforeDepth, ends, kept, receipts })
    const unneeded = candidates.filter((stateNid) => !kept.states.has(stateNid))
    await steps.untilNothing<number>('purge_states', async (txn, done = 0, size) => {
      const some = unneeded.slice(done, done + size)
      await deleteStates(txn, some)
      return some.length === 0 ? undefined : done + some.length
    })
    const indexed = await read((txn) => stateEventNids(txn, roomNid))
    await steps.untilNothing<number>('purge_auth_chains', async (txn, done = 0, size) => {
      const some = indexed.slice(done, done + size)
      await indexEvents(txn, roomNid, some)
      return some.length === 0 ? undefined : done + some.length
    })
    await this.#database.runInteraction('end_purge', async (txn) => {
      // What is gone is no longer unread.
      await deleteUnreadOfRoom(txn, roomNid)
      await endPurge(txn, { roomNid, beforeDepth })
    })
    for (const listener of this.#listeners) listener(room)
  }

  async #purgeRoom(room: Room): Promise<void> {
    const { roomNid } = room
    const steps = this.#steps()
    // Events first: as long as one is left, so is everything that it stands on.
    await steps.untilNothing('purge_events', async (txn, _before, size) => {
      const events = await someEvents(txn, roomNid, size)
      await deleteEventsWhole(txn, roomNid, events)
      return events.at(-1)
    })
    await steps.untilNothing('purge_states', async (txn, _before, limit) => {
      const stateNids = await stateNidsOfRoom(txn, { roomNid, after: -Number.MAX_SAFE_INTEGER, limit })
      await deleteStates(txn, stateNids)
      return stateNids.at(-1)
    })
    await this.#purgeRows(roomNid)
    await steps.untilNothing<string>('purge_account_data', (txn, after = '', limit) =>
      deleteAccountDataOfRoom(txn, { roomId: room.roomId, after, limit }),
    )
    await this.#database.runInteraction('purge_room', (txn) => deleteRoom(txn, roomNid))
    this.#knownRooms.forget(room)
    await this.#endPurgeOfRoom(roomNid)
  }

  /** Deletes what was written (receipts, counters) until the room was gone. */
  async #endPurgeOfRoom(roomNid: number): Promise<void> {
    await this.#purgeRows(roomNid)
    await this.#database.runInteraction('end_purge', (txn) => endPurge(txn, { roomNid, beforeDepth: null }))
  }

  #purgeRows(roomNid: number): Promise<void> {
    return this.#steps().untilNothing('purge_rows', async (txn, _before, size) => {
      const count = await deleteSomeOfRoom(txn, roomNid, size)
      return count === 0 ? undefined : count
    })
  }
}
