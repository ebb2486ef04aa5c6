import { LruCache } from '#base/lru-cache.ts'
import { forEverybody } from '#observability/asker.ts'
import { isJsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { eventsByNids } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { RoomState } from '../room-state.ts'

/** States of which something is remembered, how much of all of them together, and events of which the value is. */
const statesMax = 4_096
const stateEntriesMax = 500_000
const valuesMax = 50_000

/** What one key of a state says: a membership or a history visibility; null when the state has no such event. */
export type StateValue = string | null

/** Values by state node and key. */
export type ValuesByState = ReadonlyMap<number, ReadonlyMap<number, StateValue>>

interface Batch {
  readonly stateNids: Set<number>
  readonly keyNids: Set<number>
  readonly loaded: Promise<Map<number, Map<number, StateValue>>>
}

/**
 * What the member and history visibility events of states say. Neither states nor events change, so what was read stays
 * in memory; and all who ask in one turn of the event loop ask the database together, so that a hundred polls woken by
 * one event make one query or none.
 */
export class StateValues {
  readonly #database: Database
  readonly #roomState: RoomState
  readonly #states = new LruCache<number, Map<number, StateValue>>(statesMax, 'visibility_states')
  readonly #values = new LruCache<number, string>(valuesMax, 'visibility_values')
  /** Entries put into `#states` since it was last empty; those of states that were forgotten count on. */
  #entries = 0
  #batch: Batch | undefined

  constructor(deps: { readonly database: Database; readonly roomState: RoomState }) {
    this.#database = deps.database
    this.#roomState = deps.roomState
  }

  /** The values of these keys in each of these states. At most two queries, shared with whoever else asks now. */
  async of(stateNids: ReadonlySet<number>, keyNids: readonly number[]): Promise<ValuesByState> {
    const answer = new Map<number, ReadonlyMap<number, StateValue>>()
    const missing: number[] = []
    for (const stateNid of stateNids) {
      const known = this.#states.get(stateNid)
      if (known !== undefined && keyNids.every((keyNid) => known.has(keyNid))) answer.set(stateNid, known)
      else missing.push(stateNid)
    }
    if (missing.length === 0) return answer
    const found = await this.#load(missing, keyNids)
    for (const [stateNid, values] of found) answer.set(stateNid, values)
    return answer
  }

  async #load(stateNids: readonly number[], keyNids: readonly number[]): Promise<Map<number, Map<number, StateValue>>> {
    const batch = (this.#batch ??= this.#newBatch())
    for (const stateNid of stateNids) batch.stateNids.add(stateNid)
    for (const keyNid of keyNids) batch.keyNids.add(keyNid)
    return batch.loaded
  }

  #newBatch(): Batch {
    const stateNids = new Set<number>()
    const keyNids = new Set<number>()
    const loaded = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#batch = undefined
      return forEverybody(() => this.#read([...stateNids], [...keyNids]))
    })
    return { stateNids, keyNids, loaded }
  }

  async #read(stateNids: readonly number[], keyNids: readonly number[]): Promise<Map<number, Map<number, StateValue>>> {
    const entries = await this.#roomState.keysAt(stateNids, keyNids)
    const eventNids = new Set<number>()
    for (const state of entries.values()) for (const eventNid of state.values()) eventNids.add(eventNid)
    const values = await this.#valuesOf(eventNids)
    const loaded = new Map<number, Map<number, StateValue>>()
    this.#entries += stateNids.length * keyNids.length
    if (this.#entries > stateEntriesMax) {
      this.#states.clear()
      this.#entries = 0
    }
    for (const stateNid of stateNids) {
      const state = this.#states.get(stateNid) ?? new Map<number, StateValue>()
      for (const keyNid of keyNids) {
        const eventNid = entries.get(stateNid)?.get(keyNid)
        state.set(keyNid, eventNid === undefined ? null : (values.get(eventNid) ?? null))
      }
      this.#states.set(stateNid, state)
      loaded.set(stateNid, state)
    }
    return loaded
  }

  async #valuesOf(eventNids: ReadonlySet<number>): Promise<Map<number, string>> {
    const values = new Map<number, string>()
    const missing: number[] = []
    for (const eventNid of eventNids) {
      const known = this.#values.get(eventNid)
      if (known === undefined) missing.push(eventNid)
      else values.set(eventNid, known)
    }
    if (missing.length === 0) return values
    const rows = await this.#database.runInteraction('state_values', (txn) => eventsByNids(txn, missing), {
      readOnly: true,
    })
    for (const row of rows) {
      const value = stateValue(row.json)
      if (value === undefined) continue
      values.set(row.eventNid, value)
      this.#values.set(row.eventNid, value)
    }
    return values
  }
}

/** What a member or history visibility event says. Redaction takes neither away. */
export function stateValue(json: string): string | undefined {
  const content: unknown = JSON.parse(jsonMember(json, 'content') ?? '{}')
  if (!isJsonObject(content)) return undefined
  const value = content['membership'] ?? content['history_visibility']
  return typeof value === 'string' ? value : undefined
}
