import { authEventKeys } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveConflicts } from '#protocol/state-resolution.ts'
import { stateKeysOf } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import type { Entries } from '../room-state/packed-entries.ts'
import { readState, readStateKeys, readWhereDifferent } from '../room-state/read-state.ts'
import type { GraphReader } from './graph-reader.ts'

/** A state as another one and what it changes of it; 0 for a key that goes. */
export interface MergedState {
  readonly on: number
  readonly change: Entries
}

interface Split {
  readonly keyNids: ReadonlySet<number>
  /** For each state, its events under the keys in conflict. */
  readonly own: readonly (readonly number[])[]
  /** What the first state lacks and no other contradicts, which room version 1 does not call a conflict. */
  readonly added: ReadonlyMap<number, number>
}

/**
 * The state that several states resolve to, as what it changes of the first. Costs what differs between them and the
 * auth chains of that; only when something authorizes one side alone, also the auth chains of what they agree about.
 */
export async function mergeStates(
  txn: Transaction,
  room: Room,
  graph: GraphReader,
  stateNids: readonly number[],
): Promise<MergedState> {
  const [first = 0] = stateNids
  if (stateNids.length < 2) return { on: first, change: new Map() }
  const states = await readWhereDifferent(txn, stateNids)
  const split = splitOf(
    stateNids.map((nid) => states.get(nid) ?? new Map<number, number>()),
    room,
  )
  const change = new Map(split.added)
  if (split.keyNids.size === 0) return { on: first, change }
  const conflicted = new Set(split.own.flat())
  await graph.loadChains(conflicted)
  const difference = await authDifference({ txn, graph, first, split, conflicted })
  const loaded = await graph.load([...graph.chain(conflicted), ...difference])
  const unconflicted = await unconflictedEvents({
    txn,
    room,
    graph,
    first,
    split,
    events: loaded.map(({ event }) => event),
  })
  const resolved = resolveConflicts({
    rules: room.version,
    event: (eventId) => graph.byId(eventId)?.event,
    isRejected: (eventId) => graph.byId(eventId)?.row.rejected != null,
    conflicted: (await graph.load(conflicted)).map(({ event }) => event.eventId),
    authDifference: new Set((await graph.load(difference)).map(({ event }) => event.eventId)),
    unconflicted: (type, stateKey) => unconflicted.get(stateKeyText(type, stateKey)),
  })
  for (const keyNid of split.keyNids) if (states.get(first)?.has(keyNid) === true) change.set(keyNid, 0)
  for (const { eventId } of resolved.values()) {
    const row = graph.byId(eventId)?.row
    if (row?.keyNid == null || !split.keyNids.has(row.keyNid)) continue
    if (states.get(first)?.get(row.keyNid) === row.eventNid) change.delete(row.keyNid)
    else change.set(row.keyNid, row.eventNid)
  }
  return { on: first, change }
}

function splitOf(states: readonly Entries[], room: Room): Split {
  const missingIsConflict = room.version.stateResolution !== 'v1'
  const keyNids = new Set<number>()
  const added = new Map<number, number>()
  for (const state of states) {
    for (const [keyNid, eventNid] of state) {
      const agree = states.every((other) => {
        const otherNid = other.get(keyNid)
        return otherNid === eventNid || (otherNid === undefined && !missingIsConflict)
      })
      if (!agree) keyNids.add(keyNid)
      else if (states[0]?.has(keyNid) === false) added.set(keyNid, eventNid)
    }
  }
  const own = states.map((state) => [...state].flatMap(([keyNid, eventNid]) => (keyNids.has(keyNid) ? [eventNid] : [])))
  return { keyNids, own, added }
}

/**
 * What only some of the states are authorized by, of those chains that have been loaded.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
async function authDifference(of: {
  readonly txn: Transaction
  readonly graph: GraphReader
  readonly first: number
  readonly split: Split
  readonly conflicted: ReadonlySet<number>
}): Promise<ReadonlySet<number>> {
  const { txn, graph, first, split, conflicted } = of
  const chains = split.own.map((own) => graph.chain(own))
  const difference = new Set<number>()
  for (const chain of chains) for (const nid of chain) if (!chains.every((other) => other.has(nid))) difference.add(nid)
  if ([...difference].every((nid) => conflicted.has(nid))) return difference
  // What they agree about, and all that authorizes it, is behind every one of them.
  const agreed: number[] = [...split.added.values()]
  for (const [keyNid, eventNid] of await readState(txn, first)) if (!split.keyNids.has(keyNid)) agreed.push(eventNid)
  await graph.loadChains(agreed)
  for (const nid of graph.chain(agreed)) difference.delete(nid)
  return difference
}

/** The events that nobody disagrees about and that the rules may look at for one of `events`, by type and state key. */
async function unconflictedEvents(of: {
  readonly txn: Transaction
  readonly room: Room
  readonly graph: GraphReader
  readonly first: number
  readonly split: Split
  readonly events: readonly Event[]
}): Promise<ReadonlyMap<string, Event>> {
  const { txn, room, graph, first, split, events } = of
  const types = new Set(['m.room.create', 'm.room.power_levels'])
  const stateKeys = new Set([''])
  for (const event of events) {
    for (const [type, stateKey] of authEventKeys(event, room.version)) {
      types.add(type)
      stateKeys.add(stateKey)
    }
  }
  const keys = (await stateKeysOf(txn, [...types], [...stateKeys])).filter(({ keyNid }) => !split.keyNids.has(keyNid))
  const state = new Map(
    (
      await readStateKeys(
        txn,
        [first],
        keys.map(({ keyNid }) => keyNid),
      )
    ).get(first),
  )
  for (const [keyNid, eventNid] of split.added) state.set(keyNid, eventNid)
  // The main line of power levels begins at those of the state and goes back through their auth events.
  await graph.loadChains(state.values())
  await graph.load(graph.chain(state.values()))
  const found = new Map<string, Event>()
  for (const { event } of await graph.load(state.values())) {
    if (event.stateKey !== undefined) found.set(stateKeyText(event.type, event.stateKey), event)
  }
  return found
}
