import { forwardExtremities } from '#storage/event-edges.ts'
import { isKeptByUs } from '#storage/memberships.ts'
import {
  deleteEventsWhole,
  deleteRoom,
  deleteSomeOfRoom,
  deleteStates,
  endPurge,
  openPurges,
  someEvents,
  startPurge,
  stateNidsOfRoom,
} from '#storage/purge.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import { deleteOldEvents } from './purge/delete-old-events.ts'
import { findKept } from './purge/find-kept.ts'
import type { RoomWriter } from './room-writer.ts'

/** Rows that one transaction of a purge deletes: few milliseconds, so that whoever sends hardly waits. */
const eventsAtOnce = 100
const statesAtOnce = 100
const rowsAtOnce = 500
const nidsAtOnce = 5_000

/**
 * Deletes what nothing needs any more, in small transactions between those of others. What was begun is noted in the
 * database, and goes on where it was after a restart.
 */
export class Purge {
  readonly #database: Database
  readonly #knownRooms: KnownRooms
  readonly #roomWriter: RoomWriter

  constructor(deps: { readonly database: Database; readonly knownRooms: KnownRooms; readonly roomWriter: RoomWriter }) {
    this.#database = deps.database
    this.#knownRooms = deps.knownRooms
    this.#roomWriter = deps.roomWriter
  }

  /**
   * Deletes the events of a room that lie before a depth, but for its ends; those that a kept state names stay as
   * outliers. People go on sending meanwhile; events of others wait.
   */
  async history(room: Room, beforeDepth: number): Promise<void> {
    const purge = { roomNid: room.roomNid, beforeDepth }
    await this.#database.runInteraction('start_purge', (txn) => startPurge(txn, purge))
    await this.#roomWriter.withoutOthers(room, () => this.#purgeHistory(room, beforeDepth))
  }

  /** Deletes a room with everything in it. Nobody of ours may be in it any more: whoever calls has seen to that. */
  async room(room: Room): Promise<void> {
    const purge = { roomNid: room.roomNid, beforeDepth: null }
    await this.#database.runInteraction('start_purge', (txn) => startPurge(txn, purge))
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
    for (const { roomNid, beforeDepth } of purges) {
      const room = rooms.get(roomNid)
      if (room === undefined) await this.#database.runInteraction('end_purge', (txn) => endPurge(txn, roomNid))
      else if (beforeDepth === null) await this.room(room)
      else await this.history(room, beforeDepth)
    }
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
    await deleteOldEvents(this.#database, { roomNid, beforeDepth, ends, kept, limit: eventsAtOnce })
    const unneeded = candidates.filter((stateNid) => !kept.states.has(stateNid))
    for (let at = 0; at < unneeded.length; at += statesAtOnce) {
      const some = unneeded.slice(at, at + statesAtOnce)
      await this.#database.runInteraction('purge_states', (txn) => deleteStates(txn, some))
    }
    await this.#database.runInteraction('end_purge', (txn) => endPurge(txn, roomNid))
  }

  async #purgeRoom(room: Room): Promise<void> {
    const { roomNid } = room
    const step = (name: string, fn: (txn: Transaction) => Promise<number>): Promise<number> =>
      this.#database.runInteraction(name, fn)
    // Events first: as long as one is left, so is everything that it stands on.
    const deleteEvents = async (txn: Transaction): Promise<number> => {
      const events = await someEvents(txn, roomNid, eventsAtOnce)
      await deleteEventsWhole(txn, roomNid, events)
      return events.length
    }
    const deleteStatesOf = async (txn: Transaction): Promise<number> => {
      const page = { roomNid, after: -Number.MAX_SAFE_INTEGER, limit: statesAtOnce }
      const stateNids = await stateNidsOfRoom(txn, page)
      await deleteStates(txn, stateNids)
      return stateNids.length
    }
    while ((await step('purge_events', deleteEvents)) > 0);
    while ((await step('purge_states', deleteStatesOf)) > 0);
    while ((await step('purge_rows', (txn) => deleteSomeOfRoom(txn, roomNid, rowsAtOnce))) > 0);
    await this.#database.runInteraction('purge_room', async (txn) => {
      await deleteRoom(txn, roomNid)
      await endPurge(txn, roomNid)
    })
    this.#knownRooms.forget(room)
  }
}
