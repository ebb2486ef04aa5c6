import { NumberMap } from '#base/number-map.ts'
import { currentState, currentStateOf } from '#storage/current-state.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import { memberKeysFrom, type Interned } from '#storage/interned.ts'
import { roomsAfter } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'
import { roomOf, type Room } from './known-rooms.ts'
import type { PersistedBatch, PersistEvent } from './persist-event.ts'
import { StateCache } from './room-state/state-cache.ts'
import { derivedFaults } from './room-state/derived-faults.ts'
import { readDifference, readState, readStateKeys, type StateDifference } from './room-state/read-state.ts'

const readOnly = { readOnly: true }
/** Rooms that a check reads together. */
const roomsAtOnce = 100

/** A state: key nid → event nid. */
export type State = ReadonlyMap<number, number>

/** Which part of a state is wanted: the members alone, all but them, or the events of these types. */
export type StatePart = 'members' | 'withoutMembers' | { readonly types: readonly string[] }

const memberType = 'm.room.member'

/** Memory for the states now of rooms in use, and for states of the past. */
const currentStatesBytesMax = 32 * 1024 * 1024
const oldStatesBytesMax = 16 * 1024 * 1024
const answeredBytesMax = 16 * 1024 * 1024
/** Stands for "this state has no such key"; no event has it, since numbers of events stay below. */
const noEvent = 0xffff_ffff

/**
 * The state of rooms: now, and at any event. What it gives is always durable. States in the past never change, so
 * answers about them stay in memory; the states now of rooms in use follow what is persisted.
 */
export class RoomState {
  readonly #database: Database
  readonly #interned: Interned
  readonly #current = new StateCache(currentStatesBytesMax, 'current_states')
  readonly #old = new StateCache(oldStatesBytesMax, 'old_states')
  /** For a state node: keys asked for before, with `noEvent` for those it does not have. */
  readonly #answered = new StateCache(answeredBytesMax, 'answered_state_keys')
  #persisted = 0

  constructor(deps: { readonly database: Database; readonly interned: Interned; readonly persistEvent: PersistEvent }) {
    this.#database = deps.database
    this.#interned = deps.interned
    deps.persistEvent.onPersisted((batch) => this.#follow(batch))
  }

  /** The whole state of a room now. One query when it is not in memory, which costs the size of the answer. */
  async current(room: Room): Promise<State> {
    const known = this.#current.get(room.roomNid)
    if (known !== undefined) return known
    const before = this.#persisted
    const rows = await this.#database.runInteraction('current_state', (txn) => currentState(txn, room.roomNid), {
      readOnly: true,
    })
    const state = new NumberMap(rows.length)
    for (const { keyNid, eventNid } of rows) state.set(keyNid, eventNid)
    if (before === this.#persisted) this.#current.set(room.roomNid, state)
    return state
  }

  /** Some keys of the state now of several rooms: room nid → state. At most one query. */
  async currentKeys(roomNids: readonly number[], keyNids: readonly number[]): Promise<ReadonlyMap<number, State>> {
    const answer = new Map<number, Map<number, number>>()
    const unknown: number[] = []
    for (const roomNid of roomNids) {
      const known = this.#current.get(roomNid)
      if (known === undefined) unknown.push(roomNid)
      answer.set(roomNid, known === undefined ? new Map() : pick(known, keyNids))
    }
    if (unknown.length > 0 && keyNids.length > 0) {
      const rows = await this.#database.runInteraction(
        'current_state_keys',
        (txn) => currentStateOf(txn, unknown, keyNids),
        { readOnly: true },
      )
      for (const row of rows) answer.get(row.roomNid)?.set(row.keyNid, row.eventNid)
    }
    return answer
  }

  /** The event that stands now under a type and state key, or undefined. */
  async event(room: Room, type: string, stateKey: string): Promise<EventRow | undefined> {
    const keyNid = await this.#interned.keyNidIfKnown(type, stateKey)
    if (keyNid === undefined) return undefined
    const eventNid = (await this.currentKeys([room.roomNid], [keyNid])).get(room.roomNid)?.get(keyNid)
    return eventNid === undefined ? undefined : (await this.events([eventNid]))[0]
  }

  /** The events that stand now under these types and state keys, in the order asked; absent ones are left out. */
  async eventsOf(room: Room, keys: readonly { type: string; stateKey: string }[]): Promise<EventRow[]> {
    const keyNids = (await this.#interned.keyNidsIfKnown(keys)).filter((nid) => nid !== undefined)
    const state = (await this.currentKeys([room.roomNid], keyNids)).get(room.roomNid)
    return this.events(keyNids.flatMap((keyNid) => state?.get(keyNid) ?? []))
  }

  /** The events with these integer ids, in this order; unknown ones are left out. One query. */
  async events(eventNids: readonly number[]): Promise<EventRow[]> {
    if (eventNids.length === 0) return []
    const rows = await this.#database.runInteraction('state_events', (txn) => eventsByNids(txn, eventNids), {
      readOnly: true,
    })
    const byNid = new Map(rows.map((row) => [row.eventNid, row]))
    return eventNids.flatMap((nid) => byNid.get(nid) ?? [])
  }

  /** The whole state of a node (`EventRow.stateBefore`, `stateAfter`). Costs the size of the answer. */
  async at(stateNid: number): Promise<State> {
    const known = this.#old.get(stateNid)
    if (known !== undefined) return known
    const state = await this.#database.runInteraction('state_at', (txn) => readState(txn, stateNid), readOnly)
    this.#old.set(stateNid, state)
    return state
  }

  /**
   * A part of the state of a node. Without members it costs the size of the answer, however many people the room has;
   * with them, the size of the state.
   */
  async partAt(stateNid: number, part: StatePart): Promise<State> {
    const isWanted = (type: string): boolean => {
      if (typeof part === 'object') return part.types.includes(type)
      return (type === memberType) === (part === 'members')
    }
    const state = isWanted(memberType) ? await this.at(stateNid) : await this.#withoutMembers(stateNid)
    const others = [...state.keys()].filter((keyNid) => keyNid < memberKeysFrom)
    const keys = await this.#interned.keys(others)
    const wanted = new NumberMap(isWanted(memberType) ? state.size : keys.size)
    for (const [keyNid, eventNid] of state) {
      const type = keyNid >= memberKeysFrom ? memberType : keys.get(keyNid)?.type
      if (type !== undefined && isWanted(type)) wanted.set(keyNid, eventNid)
    }
    return wanted
  }

  /** A state without the members' keys, but for those with old numbers. */
  async #withoutMembers(stateNid: number): Promise<State> {
    const known = this.#old.get(stateNid)
    if (known !== undefined) return known
    return this.#database.runInteraction(
      'state_without_members',
      (txn) => readState(txn, stateNid, memberKeysFrom),
      readOnly,
    )
  }

  /**
   * Some keys of several states: state nid → those of the keys it has. At most two queries, whatever the numbers;
   * never the size of a room.
   */
  async keysAt(stateNids: readonly number[], keyNids: readonly number[]): Promise<ReadonlyMap<number, State>> {
    const answer = new Map<number, State>()
    const unknown: number[] = []
    for (const nid of new Set(stateNids)) {
      const answered = this.#answered.get(nid)
      if (answered === undefined || keyNids.some((keyNid) => !answered.has(keyNid))) unknown.push(nid)
      else answer.set(nid, pick(answered, keyNids))
    }
    if (keyNids.length === 0) return new Map(stateNids.map((nid) => [nid, new Map()]))
    if (unknown.length === 0) return answer
    const read = await this.#database.runInteraction('state_keys_at', (txn) => readStateKeys(txn, unknown, keyNids), {
      readOnly: true,
    })
    for (const [stateNid, state] of read) {
      this.#remember(stateNid, keyNids, state)
      answer.set(stateNid, state)
    }
    return answer
  }

  /** The keys under which two states differ. Neighbours cost what changed between them, never the size of the room. */
  difference(from: number, to: number): Promise<StateDifference[]> {
    return this.#database.runInteraction('state_difference', (txn) => readDifference(txn, from, to), { readOnly: true })
  }

  /**
   * Every room, with what the tables derived from its events have wrong, a sentence each. One interaction for a room;
   * in memory is never more than one room's state.
   */
  static async *faults(database: Database): AsyncGenerator<{ roomId: string; faults: readonly string[] }> {
    for (let after = 0; ;) {
      const rooms = await database.runInteraction('rooms_after', (txn) => roomsAfter(txn, after, roomsAtOnce), readOnly)
      for (const row of rooms) {
        const room = roomOf(row)
        const faults = await database.runInteraction('derived_faults', (txn) => derivedFaults(txn, room), readOnly)
        yield { roomId: row.roomId, faults }
      }
      const last = rooms.at(-1)
      if (last === undefined) return
      after = last.roomNid
    }
  }

  #remember(stateNid: number, keyNids: readonly number[], state: State): void {
    const answered = this.#answered.get(stateNid) ?? new NumberMap()
    for (const keyNid of keyNids) answered.set(keyNid, state.get(keyNid) ?? noEvent)
    this.#answered.set(stateNid, answered)
  }

  #follow(batch: PersistedBatch): void {
    this.#persisted++
    const current = this.#current.get(batch.room.roomNid)
    if (current === undefined) return
    for (const { keyNid, eventNid } of batch.stateChanges) {
      if (eventNid === null) current.delete(keyNid)
      else current.set(keyNid, eventNid)
    }
  }
}

function pick(state: State, keyNids: readonly number[]): Map<number, number> {
  const picked = new Map<number, number>()
  for (const keyNid of keyNids) {
    const eventNid = state.get(keyNid)
    if (eventNid !== undefined && eventNid !== noEvent) picked.set(keyNid, eventNid)
  }
  return picked
}
