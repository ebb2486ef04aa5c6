import type { Clock } from '#base/clock.ts'
import type { Event } from '#protocol/event.ts'
import { parseEventId, parseUserId, type EventId, type ServerName } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { deleteMissingOf, insertMissing, missedBy, waitingAmong } from '#storage/event-edges.ts'
import { eventsByIds, eventsByNids, insertEvents, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import { NidPool } from './room-writer/nid-pool.ts'
import type { PersistEvent, ReceivedEvent } from './persist-event.ts'
import { GraphReader } from './receive-event/graph-reader.ts'
import { placeEvent } from './receive-event/place-event.ts'
import { writeReceived } from './receive-event/write-received.ts'
import type { Entries } from './room-state/packed-entries.ts'
import type { RoomWriter } from './room-writer.ts'

/** Previous and auth events that an event may name. https://spec.matrix.org/v1.19/rooms/v12/#event-format */
const prevEventsMax = 20
const authEventsMax = 10
/** States that one event can bring with it: before it, after it, and of the room's ends. */
const statesAnEvent = 3

/** An event of others' whose form, hash and signatures have been checked. */
export interface Incoming {
  readonly event: Event
  /** Its canonical text as signed. */
  readonly text: string
}

/**
 * What became of an event: `known`: we have it already; `waiting`: kept aside until the events it names are here;
 * `outlier`: kept aside for good, as asked; `placed`: in the graph and the timeline; `softFailed` and `rejected`: in the
 * graph, and shown to nobody; `refused`: not kept, it names too many events.
 */
export type Outcome = 'known' | 'waiting' | 'outlier' | 'placed' | 'softFailed' | 'rejected' | 'refused'

interface Numbers {
  readonly eventNid: number
  readonly senderNid: number
  readonly keyNid: number | null
  readonly stateNids: readonly number[]
  /** When it came, in milliseconds since 1970: read once, as the transaction may run more than once. */
  readonly receivedTs: number
}

interface Given {
  readonly room: Room
  readonly incoming: Incoming
  readonly numbers: Numbers
  /** The position that it gets should it come into the timeline. */
  readonly position: number
  readonly state?: readonly EventId[]
  readonly outlier?: boolean
}

interface Handled extends ReceivedEvent {
  readonly outcome: Outcome
  readonly waiting: readonly number[]
}

/** Brings events of others into a room's graph, in whatever order they come. */
export class ReceiveEvent {
  readonly #database: Database
  readonly #interned: Interned
  readonly #persistEvent: PersistEvent
  readonly #roomWriter: RoomWriter
  readonly #clock: Clock
  readonly #serverName: ServerName
  readonly #eventNids: NidPool
  readonly #stateNids: NidPool

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly ids: { reserve(name: string, count: number): Promise<number> }
    readonly persistEvent: PersistEvent
    readonly roomWriter: RoomWriter
    readonly clock: Clock
    readonly serverName: ServerName
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#persistEvent = deps.persistEvent
    this.#roomWriter = deps.roomWriter
    this.#clock = deps.clock
    this.#serverName = deps.serverName
    this.#eventNids = new NidPool(deps.ids, 'event_nid')
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
    return this.#roomWriter.exclusively(room, async () => {
      const numbers = await this.#numbers(incoming.event)
      const first = await this.#persistEvent.receive(room, (txn, position) =>
        this.#handle(txn, { room, incoming, numbers, position, ...options }),
      )
      const waiting = [...first.waiting]
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        waiting.push(...(await this.#retry(room, next)))
      }
      return first.outcome
    })
  }

  /** Looks again at an event that is kept aside; gives those that waited for it in turn. */
  async #retry(room: Room, eventNid: number): Promise<readonly number[]> {
    const [row] = await this.#database.runInteraction('waiting_event', (txn) => eventsByNids(txn, [eventNid]), {
      readOnly: true,
    })
    if (row === undefined) return []
    const event = parseEvent(row.json, room.version, parseEventId(row.eventId))
    const numbers = await this.#numbers(event)
    const { waiting } = await this.#persistEvent.receive(room, (txn, position) =>
      this.#handle(txn, { room, incoming: { event, text: row.json }, numbers, position }),
    )
    return waiting
  }

  async #numbers(event: Event): Promise<Numbers> {
    const senderNid = await this.#interned.userNid(event.sender)
    const eventNid = await this.#eventNids.next()
    const receivedTs = this.#clock.now()
    const stateNids: number[] = []
    for (let count = 0; count < statesAnEvent; count++) stateNids.push(await this.#stateNids.next())
    if (event.stateKey === undefined) return { eventNid, senderNid, keyNid: null, stateNids, receivedTs }
    if (event.type === 'm.room.member' && isUser(event.stateKey))
      await this.#interned.userNid(parseUserId(event.stateKey))
    const keyNid = await this.#interned.keyNid(event.type, event.stateKey)
    return { eventNid, senderNid, keyNid, stateNids, receivedTs }
  }

  async #handle(txn: Transaction, given: Given): Promise<Handled> {
    const { room, incoming, numbers } = given
    const { event } = incoming
    const named = [event.eventId, ...event.prevEvents, ...event.authEvents, ...(given.state ?? [])]
    const rows = new Map((await eventsByIds(txn, room.roomNid, named)).map((row) => [row.eventId, row]))
    const own = rows.get(event.eventId)
    const nothing = { row: undefined, event, members: [], deltas: [], waiting: [] }
    if (own?.outlier === 0) return { ...nothing, outcome: 'known' }
    const aside = asideRow(given, own?.eventNid ?? numbers.eventNid)
    const { eventNid } = aside
    const edges = { prevNids: nidsOf(event.prevEvents, rows), authNids: nidsOf(event.authEvents, rows) }
    const undecided = new Set((await waitingAmong(txn, room.roomNid, edges.authNids)).map((each) => each.eventId))
    const missing = missingOf(event, { rows, undecided, stateIsGiven: given.state !== undefined })
    if (missing.length === 0 && given.outlier !== true) return this.#place(txn, { ...given, rows, aside })
    if (own === undefined) await insertEvents(txn, [{ ...aside, ...edges }])
    if (given.outlier === true) {
      const waiting = (await missedBy(txn, room.roomNid, event.eventId)).filter((each) => each.outlier === 1)
      return { ...nothing, waiting: waiting.map((each) => each.eventNid), outcome: 'outlier' }
    }
    const missed = missing.map((missingEventId) => ({ missingEventId, eventNid }))
    await insertMissing(txn, room.roomNid, missed)
    return { ...nothing, outcome: 'waiting' }
  }

  /** Gives an event its place in the graph: everything it needs is here. */
  async #place(
    txn: Transaction,
    given: Given & { readonly rows: ReadonlyMap<string, EventRow>; readonly aside: EventRow },
  ): Promise<Handled> {
    const { room, rows, aside } = given
    const { event } = given.incoming
    const { eventNid } = aside
    const { keyNid, stateNids } = given.numbers
    const graph = new GraphReader(txn, room)
    // Those that are only kept aside are not in the graph.
    const inGraph = event.prevEvents.filter((id) => rows.get(id)?.outlier === 0)
    const edges = { prevNids: nidsOf(inGraph, rows), authNids: nidsOf(event.authEvents, rows) }
    const givenState = given.state === undefined ? undefined : stateOf(given.state, rows)
    const { newStates, softFailed, ...place } = await placeEvent(txn, graph, {
      ...{ room, event, eventNid, keyNid, stateNids, givenState },
      ...edges,
    })
    const row = { ...aside, ...place, outlier: 0, streamPosition: given.position, softFailed: softFailed ? 1 : 0 }
    await deleteMissingOf(txn, room.roomNid, eventNid)
    const stateNid = stateNids.at(-1) ?? 0
    const placed = { room, event, row, ...edges, newStates, stateNid, serverName: this.#serverName }
    const written = await writeReceived(txn, graph, placed)
    const gaps = event.prevEvents.filter((id) => rows.get(id)?.outlier !== 0)
    const missed = gaps.map((missingEventId) => ({ missingEventId, eventNid }))
    await insertMissing(txn, room.roomNid, missed)
    const outcome = row.rejected !== null ? 'rejected' : softFailed ? 'softFailed' : 'placed'
    return { row, event, ...written, outcome }
  }
}

/** What has to be here before the event can be placed: its auth events, and its previous events in the graph. */
function missingOf(
  event: Event,
  known: {
    readonly rows: ReadonlyMap<string, EventRow>
    /** Auth events that wait themselves, so that nobody knows yet whether they count. */
    readonly undecided: ReadonlySet<string>
    readonly stateIsGiven: boolean
  },
): EventId[] {
  const { rows, undecided, stateIsGiven } = known
  const missing = new Set(event.authEvents.filter((id) => !rows.has(id) || undecided.has(id)))
  if (!stateIsGiven) for (const id of event.prevEvents) if (rows.get(id)?.outlier !== 0) missing.add(id)
  return [...missing]
}

function nidsOf(ids: readonly EventId[], rows: ReadonlyMap<string, EventRow>): number[] {
  return [...new Set(ids)].flatMap((id) => rows.get(id)?.eventNid ?? [])
}

function stateOf(ids: readonly EventId[], rows: ReadonlyMap<string, EventRow>): Entries {
  const state = new Map<number, number>()
  for (const id of ids) {
    const row = rows.get(id)
    if (row?.keyNid != null) state.set(row.keyNid, row.eventNid)
  }
  return state
}

/** The row of an event that is kept aside. */
function asideRow(
  given: { readonly room: Room; readonly incoming: Incoming; readonly numbers: Numbers },
  eventNid: number,
): EventRow {
  const { event, text } = given.incoming
  return {
    eventNid,
    eventId: event.eventId,
    roomNid: given.room.roomNid,
    type: event.type,
    keyNid: given.numbers.keyNid,
    senderNid: given.numbers.senderNid,
    topological: event.depth,
    streamPosition: null,
    originServerTs: event.originServerTs,
    receivedTs: given.numbers.receivedTs,
    outlier: 1,
    softFailed: 0,
    rejected: null,
    redactedBy: null,
    stateBefore: null,
    stateAfter: null,
    replacesNid: null,
    deviceId: null,
    txnId: null,
    json: text,
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
