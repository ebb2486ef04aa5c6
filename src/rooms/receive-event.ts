import type { Clock } from '#base/clock.ts'
import type { Event } from '#protocol/event.ts'
import { parseEventId, parseUserId, type EventId, type ServerName } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { waitingAmong } from '#storage/event-edges.ts'
import { eventsByNids } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { AuthChains } from './auth-chains.ts'
import type { Room } from './known-rooms.ts'
import { NidPool } from './room-writer/nid-pool.ts'
import type { PersistEvent } from './persist-event.ts'
import { takeIn, type Given, type Incoming, type Numbers, type Outcome, type TakenIn } from './receive-event/take-in.ts'
import type { RoomWriter } from './room-writer.ts'

export type { Incoming, Outcome }

/** Previous and auth events that an event may name. https://spec.matrix.org/v1.19/rooms/v12/#event-format */
const prevEventsMax = 20
const authEventsMax = 10
/** States that one event can bring with it: before it, after it, and of the room's ends. */
const statesAnEvent = 3

/** Is told what an event has made of its room's state. */
type Changed = (deltas: TakenIn['deltas']) => void

/** Brings events of others into a room's graph, in whatever order they come. */
export class ReceiveEvent {
  readonly #database: Database
  readonly #interned: Interned
  readonly #persistEvent: PersistEvent
  readonly #roomWriter: RoomWriter
  readonly #clock: Clock
  readonly #serverName: ServerName
  readonly #authChains: AuthChains
  readonly #stateNids: NidPool

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly ids: { reserve(name: string, count: number): Promise<number> }
    readonly persistEvent: PersistEvent
    readonly roomWriter: RoomWriter
    readonly authChains: AuthChains
    readonly clock: Clock
    readonly serverName: ServerName
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#persistEvent = deps.persistEvent
    this.#roomWriter = deps.roomWriter
    this.#clock = deps.clock
    this.#serverName = deps.serverName
    this.#authChains = deps.authChains
    this.#stateNids = new NidPool(deps.ids, 'state_nid')
  }

  /**
   * Takes in an event, and after it those that were waiting for it. `state`: the events that are the state before it,
   * for one whose previous events are not to be had; they must be here already. `outlier`: only keep it.
   */
  receive(
    room: Room,
    incoming: Incoming,
    options: { readonly state?: readonly EventId[]; readonly outlier?: boolean } = {},
  ): Promise<Outcome> {
    if (incoming.event.prevEvents.length > prevEventsMax || incoming.event.authEvents.length > authEventsMax)
      return Promise.resolve('refused')
    return this.#roomWriter.receiving(room, async (changed) => {
      const numbers = await this.#numbers(incoming.event)
      const first = await this.#write({ room, incoming, numbers, ...options }, changed)
      const waiting = [...first.waiting]
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        waiting.push(...(await this.#retry(room, next, changed)))
      }
      return first.outcome
    })
  }

  /** Looks again at an event that is kept aside; gives those that waited for it in turn. */
  async #retry(room: Room, eventNid: number, changed: Changed): Promise<readonly number[]> {
    const { row, outlier } = await this.#database.runInteraction(
      'waiting_event',
      async (txn) => {
        const [found] = await eventsByNids(txn, [eventNid])
        // One that misses nothing but auth events of its chain was only ever to be kept.
        return { row: found, outlier: (await waitingAmong(txn, room.roomNid, [eventNid])).length === 0 }
      },
      { readOnly: true },
    )
    if (row === undefined) return []
    const event = parseEvent(row.json, room.version, parseEventId(row.eventId))
    const numbers = await this.#numbers(event)
    const { waiting } = await this.#write({ room, incoming: { event, text: row.json }, numbers, outlier }, changed)
    return waiting
  }

  /** Handles an event in one interaction; seldom in a second one, when it turns out to release events withheld for it. */
  async #write(given: Omit<Given, 'positions' | 'serverName'>, changed: Changed): Promise<TakenIn> {
    for (let count = 1; ;) {
      const handled = await this.#persistEvent.receive(given.room, count, (txn, first) =>
        takeIn(txn, { ...given, serverName: this.#serverName, positions: { first, count } }),
      )
      if (handled.changed) changed(handled.deltas)
      if (handled.positionsNeeded <= count) {
        if (handled.wholeNid !== undefined) this.#authChains.note(given.room.roomNid, [handled.wholeNid])
        return handled
      }
      count = handled.positionsNeeded
    }
  }

  async #numbers(event: Event): Promise<Numbers> {
    const senderNid = await this.#interned.userNid(event.sender)
    const eventNid = await this.#roomWriter.takeEventNid()
    const receivedTs = this.#clock.now()
    const stateNids: number[] = []
    for (let count = 0; count < statesAnEvent; count++) stateNids.push(await this.#stateNids.next())
    if (event.stateKey === undefined) return { eventNid, senderNid, keyNid: null, stateNids, receivedTs }
    if (event.type === 'm.room.member' && isUser(event.stateKey))
      await this.#interned.userNid(parseUserId(event.stateKey))
    const keyNid = await this.#interned.keyNid(event.type, event.stateKey)
    return { eventNid, senderNid, keyNid, stateNids, receivedTs }
  }
}

function isUser(stateKey: string): boolean {
  try {
    parseUserId(stateKey)
    return true
  } catch {
    return false
  }
}
