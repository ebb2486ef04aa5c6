import type { Clock } from '#base/clock.ts'
import { Linearizer } from '#base/linearizer.ts'
import { currentAsker, forEverybody, whileAsked } from '#observability/asker.ts'
import { parseUserId, type ServerName } from '#protocol/identifiers.ts'
import type { SigningKey } from '#protocol/signing-keys.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import { NidPool } from './room-writer/nid-pool.ts'
import type { BuiltEvent, PersistEvent } from './persist-event.ts'
import { NodePath } from './room-state/node-path.ts'
import { buildNext, type EventNids } from './room-writer/build-next.ts'
import type { ProposedEvent } from './room-writer/proposed-event.ts'
import { catchUp, takeOver, type StateChange } from './room-writer/catch-up.ts'
import { loadAuthEvents } from './room-writer/load-auth-events.ts'
import { missingAuthKeys, type LiveRoom } from './room-writer/live-room.ts'
import { LiveRoomFigures } from './room-writer/live-room-figures.ts'
import { loadRoom, newRoom } from './room-writer/load-room.ts'
import { Outbox } from './room-writer/outbox.ts'

/** Rooms that are in memory to be written to, and the memory for their states. */
const liveRoomsMax = 2_000
const liveStatesBytesMax = 64 * 1024 * 1024
/** How far the moments at which rooms are made may run ahead of the clock. */
const creationAheadMsMax = 1_000

/** What a proposed event needs that has to be waited for. */
type OtherNids = Omit<EventNids, 'eventNid'>

interface Seat {
  readonly live: LiveRoom
  readonly outbox: Outbox
}

/**
 * The single writer of every room. It works ahead of the disk: an event is built on the one before it while that one's
 * batch is still being committed, and each caller's answer waits for its own batch. A batch that fails takes with it
 * everything built on it, and the room's memory is read again from the database.
 */
export class RoomWriter {
  readonly #database: Database
  readonly #interned: Interned
  readonly #persistEvent: PersistEvent
  readonly #clock: Clock
  readonly #serverName: ServerName
  readonly #key: SigningKey
  readonly #eventNids: NidPool
  readonly #stateNids: NidPool
  #lastCreation = 0
  /** Loaded longest ago first. */
  readonly #seats = new Map<number, Seat>()
  readonly #figures = new LiveRoomFigures(this.#seats)
  readonly #loading = new Map<number, Promise<Seat>>()
  /** Rooms whose memory is being brought to where others have left them. */
  readonly #catching = new Map<number, Promise<void>>()
  readonly #exclusive = new Linearizer<number>()
  /** Rooms that somebody else is writing to, and when that has ended. */
  readonly #others = new Map<number, Promise<void>>()

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly ids: { reserve(name: string, count: number): Promise<number> }
    readonly persistEvent: PersistEvent
    readonly clock: Clock
    readonly serverName: ServerName
    readonly signingKey: SigningKey
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#persistEvent = deps.persistEvent
    this.#clock = deps.clock
    this.#serverName = deps.serverName
    this.#key = deps.signingKey
    this.#eventNids = new NidPool(deps.ids, 'event_nid')
    this.#stateNids = new NidPool(deps.ids, 'state_nid')
  }

  /**
   * Adds an event to a room and gives its row once it is durable.
   * @throws MatrixError M_FORBIDDEN when the room's rules do not allow it, M_TOO_LARGE or M_BAD_JSON when it is too
   *   large or cannot be signed.
   */
  async write(room: Room, proposed: ProposedEvent): Promise<EventRow> {
    const nids = await this.#nidsFor(proposed)
    for (;;) {
      const others = this.#others.get(room.roomNid)
      const seat = others === undefined ? this.#seats.get(room.roomNid) : undefined
      this.#figures[seat === undefined ? 'misses' : 'hits'] += 1
      if (seat === undefined || seat.live.failed) {
        await whileAsked<unknown>(others ?? this.#load(room))
        continue
      }
      const { live, outbox } = seat
      if (live.caughtUp < live.received) {
        await whileAsked(this.#catchUp(live))
        continue
      }
      const missing = missingAuthKeys(live, proposed)
      if (missing.length > 0) {
        await loadAuthEvents({ database: this.#database, interned: this.#interned }, live, missing)
        continue
      }
      // Taken only now, so that it is larger than those of all that the event may name: auth chains are searched by it.
      const eventNid = this.#eventNids.take()
      if (eventNid === undefined) {
        await this.#eventNids.fill()
        continue
      }
      const asker = currentAsker()
      if (asker?.gone === true) throw asker.signal.reason
      const before = live.extremities
      const built = buildNext(live, proposed, { ...nids, eventNid }, this.#signer())
      // From here on it is written, whoever goes: what comes next is built on it.
      asker?.keep()
      return outbox.put(built, before)
    }
  }

  /**
   * Makes a new room of these events, the create event first, in one transaction. `alsoWrite` stores the room's row
   * and what else belongs to it. Where the room's id is its create event's, `room.roomId` is not looked at.
   * @throws MatrixError as `write`; nothing of the room is left then.
   */
  async create(
    room: Room,
    events: readonly ProposedEvent[],
    alsoWrite: (txn: Transaction, room: Room) => Promise<void>,
  ): Promise<Room> {
    const nids = await Promise.all(events.map((event) => this.#nidsFor(event)))
    const { path, created } = NodePath.start(room.roomNid, await this.#stateNids.next())
    const live = newRoom(room, path)
    const signer = { ...this.#signer(), now: this.#momentOfCreation() }
    const built: BuiltEvent[] = []
    for (const [index, event] of events.entries()) {
      const eventNid = await this.#eventNids.next()
      const next = buildNext(live, event, { ...(nids[index] as OtherNids), eventNid }, signer)
      if (index === 0) live.room = { ...room, roomId: next.event.roomId }
      built.push(index === 0 ? { ...next, newStates: [created, ...next.newStates] } : next)
    }
    await this.#persistEvent.persist({
      room: live.room,
      built,
      extremities: { remove: [], add: live.extremities.map((extremity) => extremity.eventNid) },
      alsoWrite: (txn) => alsoWrite(txn, live.room),
    })
    this.#seat(live)
    return live.room
  }

  /**
   * Lets somebody else write to a room: `work` runs when everything built here is durable, one at a time for each room,
   * and nothing is built before it has ended. The room is read again afterwards.
   */
  exclusively<T>(room: Room, work: () => Promise<T>): Promise<T> {
    return this.#alone(room.roomNid, () => work().finally(() => this.#forget(room.roomNid)))
  }

  /**
   * Brings events of others into a room: as `exclusively`, but the room's memory stays. `work` tells what each of them,
   * once it is durable, has made of the room's state. When it fails the room is read again.
   */
  receiving<T>(room: Room, work: (changed: (changes: readonly StateChange[]) => void) => Promise<T>): Promise<T> {
    const { roomNid } = room
    const changed = (changes: readonly StateChange[]): void => {
      const live = this.#seats.get(roomNid)?.live
      if (live !== undefined) takeOver(live, changes)
    }
    return this.#alone(roomNid, async () => {
      try {
        return await work(changed)
      } catch (error) {
        this.#forget(roomNid)
        throw error
      }
    })
  }

  /** Runs `work` when everything built for a room is durable, alone; nothing is built before it has ended. */
  #alone<T>(roomNid: number, work: () => Promise<T>): Promise<T> {
    return this.#exclusive.run(roomNid, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#others.set(roomNid, promise)
      try {
        await this.#seats.get(roomNid)?.outbox.drained()
        await this.#loading.get(roomNid)?.catch(() => undefined)
        return await work()
      } finally {
        this.#others.delete(roomNid)
        resolve()
      }
    })
  }

  /** A number for an event that somebody else writes, larger than those of all events that are there. */
  takeEventNid(): Promise<number> {
    return this.#eventNids.next()
  }

  #forget(roomNid: number): void {
    const seat = this.#seats.get(roomNid)
    if (seat !== undefined) seat.live.failed = true
    this.#seats.delete(roomNid)
  }

  /** Keeps those away who write exclusively while `work` runs; events of our own are built and written meanwhile. */
  withoutOthers<T>(room: Room, work: () => Promise<T>): Promise<T> {
    return this.#exclusive.run(room.roomNid, work)
  }

  /** The state now of a room in memory, ahead of the disk by what is being written; undefined when it is not in memory. */
  stateInMemory(
    roomNid: number,
  ): { readonly stateNid: number; readonly state: ReadonlyMap<number, number> } | undefined {
    const live = this.#seats.get(roomNid)?.live
    if (live === undefined || live.caughtUp < live.received) return undefined
    return { stateNid: live.path.stateNid, state: live.state }
  }

  /** Where a room's id is the hash of its create event, two alike made at the same moment would be one room. */
  #momentOfCreation(): number {
    const now = this.#clock.now()
    // One that has been ahead by more was set back.
    const wasSetBack = now < this.#lastCreation - creationAheadMsMax
    this.#lastCreation = wasSetBack ? now : Math.max(now, this.#lastCreation + 1)
    return this.#lastCreation
  }

  #signer(): { serverName: ServerName; key: SigningKey; now: number } {
    return { serverName: this.#serverName, key: this.#key, now: this.#clock.now() }
  }

  async #nidsFor(proposed: ProposedEvent): Promise<OtherNids> {
    const senderNid = await this.#interned.userNid(proposed.sender)
    const { stateKey } = proposed
    if (stateKey === undefined) return { senderNid, keyNid: null, targetNid: null, stateNid: null }
    const keyNid = await this.#interned.keyNid(proposed.type, stateKey)
    const targetNid = proposed.type === 'm.room.member' ? await this.#interned.userNid(parseUserId(stateKey)) : null
    return { senderNid, keyNid, targetNid, stateNid: await this.#stateNids.next() }
  }

  #load(room: Room): Promise<Seat> {
    let loading = this.#loading.get(room.roomNid)
    if (loading === undefined) {
      loading = forEverybody(() => loadRoom(this.#database, room))
        .then((live) => this.#seat(live))
        .finally(() => this.#loading.delete(room.roomNid))
      this.#loading.set(room.roomNid, loading)
    }
    return loading
  }

  #catchUp(live: LiveRoom): Promise<void> {
    const { roomNid } = live.room
    let catching = this.#catching.get(roomNid)
    if (catching === undefined) {
      const deps = { database: this.#database, interned: this.#interned }
      catching = forEverybody(() => catchUp(deps, live)).finally(() => this.#catching.delete(roomNid))
      this.#catching.set(roomNid, catching)
    }
    return catching
  }

  #seat(live: LiveRoom): Seat {
    const { roomNid } = live.room
    const outbox = new Outbox(live, this.#persistEvent, () => this.#seats.delete(roomNid))
    const seat = { live, outbox }
    this.#seats.set(roomNid, seat)
    let { bytes } = this.#figures
    for (let free = true; free && (this.#seats.size > liveRoomsMax || bytes > liveStatesBytesMax);) {
      const freed = this.#evictIdle(seat)
      free = freed !== undefined
      bytes -= freed ?? 0
    }
    return seat
  }

  /** Forgets the room loaded longest ago that nothing is being written to, but for `kept`; gives the bytes of its state. */
  #evictIdle(kept: Seat): number | undefined {
    for (const [roomNid, seat] of this.#seats) {
      if (!seat.outbox.idle || seat === kept) continue
      seat.live.failed = true
      this.#seats.delete(roomNid)
      this.#figures.evictions += 1
      return seat.live.state.bytes
    }
    return undefined
  }
}
