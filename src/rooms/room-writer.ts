import type { Clock } from '#base/clock.ts'
import { Linearizer } from '#base/linearizer.ts'
import { NumberMap } from '#base/number-map.ts'
import { currentAsker, forEverybody, whileAsked } from '#observability/asker.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { parseEventId, parseUserId, type ServerName } from '#protocol/identifiers.ts'
import type { SigningKey } from '#protocol/signing-keys.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import { NidPool } from './room-writer/nid-pool.ts'
import type { BuiltEvent, PersistEvent } from './persist-event.ts'
import { NodePath } from './room-state/node-path.ts'
import { buildNext, type EventNids } from './room-writer/build-next.ts'
import type { ProposedEvent } from './room-writer/proposed-event.ts'
import { keepAuthEvent, missingAuthKeys, stateKeyText, type LiveRoom } from './room-writer/live-room.ts'
import { LiveRoomFigures } from './room-writer/live-room-figures.ts'
import { loadRoom } from './room-writer/load-room.ts'
import { Outbox } from './room-writer/outbox.ts'

/** Rooms that are in memory to be written to, and the memory for their states. */
const liveRoomsMax = 2_000
const liveStatesBytesMax = 64 * 1024 * 1024
/** How far the moments at which rooms are made may run ahead of the clock. */
const creationAheadMsMax = 1_000

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
      const missing = missingAuthKeys(live, proposed)
      if (missing.length > 0) {
        await this.#loadAuthEvents(live, missing)
        continue
      }
      const asker = currentAsker()
      if (asker?.gone === true) throw asker.signal.reason
      const before = live.extremities
      const built = buildNext(live, proposed, nids, this.#signer())
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
    const live: LiveRoom = {
      room,
      failed: false,
      state: new NumberMap(),
      path,
      extremities: [],
      authEvents: new Map(),
      authNids: new Map(),
    }
    const signer = { ...this.#signer(), now: this.#momentOfCreation() }
    const built: BuiltEvent[] = []
    for (const [index, event] of events.entries()) {
      const next = buildNext(live, event, nids[index] as EventNids, signer)
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
    const { roomNid } = room
    return this.#exclusive.run(roomNid, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#others.set(roomNid, promise)
      try {
        await this.#seats.get(roomNid)?.outbox.drained()
        await this.#loading.get(roomNid)?.catch(() => undefined)
        return await work()
      } finally {
        const seat = this.#seats.get(roomNid)
        if (seat !== undefined) seat.live.failed = true
        this.#seats.delete(roomNid)
        this.#others.delete(roomNid)
        resolve()
      }
    })
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
    return live === undefined ? undefined : { stateNid: live.path.stateNid, state: live.state }
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

  async #nidsFor(proposed: ProposedEvent): Promise<EventNids> {
    const senderNid = await this.#interned.userNid(proposed.sender)
    const { stateKey } = proposed
    const eventNid = await this.#eventNids.next()
    if (stateKey === undefined) return { eventNid, senderNid, keyNid: null, targetNid: null, stateNid: null }
    const keyNid = await this.#interned.keyNid(proposed.type, stateKey)
    const targetNid = proposed.type === 'm.room.member' ? await this.#interned.userNid(parseUserId(stateKey)) : null
    return { eventNid, senderNid, keyNid, targetNid, stateNid: await this.#stateNids.next() }
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

  async #loadAuthEvents(live: LiveRoom, keys: readonly (readonly [string, string])[]): Promise<void> {
    const keyNids = await this.#interned.keyNidsIfKnown(keys.map(([type, stateKey]) => ({ type, stateKey })))
    const eventNids = keyNids.flatMap((keyNid) => (keyNid === undefined ? [] : (live.state.get(keyNid) ?? [])))
    const rows = await this.#database.runInteraction('auth_events', (txn) => eventsByNids(txn, eventNids), {
      readOnly: true,
    })
    const byNid = new Map(rows.map((row) => [row.eventNid, row]))
    for (const [index, [type, stateKey]] of keys.entries()) {
      const text = stateKeyText(type, stateKey)
      // Another event may have set it while this was reading.
      if (live.authEvents.has(text)) continue
      const row = byNid.get(live.state.get(keyNids[index] ?? 0) ?? 0)
      if (row === undefined) {
        keepAuthEvent(live, text, undefined, undefined)
        continue
      }
      const event = parseEvent(row.json, live.room.version, parseEventId(row.eventId))
      keepAuthEvent(live, text, event, row.eventNid)
    }
  }
}
