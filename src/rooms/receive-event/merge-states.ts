import { authEventKeys } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveConflicts, type Conflicts } from '#protocol/state-resolution.ts'
import { edgesOfEvents } from '#storage/event-edges.ts'
import { stateKeysOf } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Cover } from '../auth-chains/covers.ts'
import { RoomAuth } from '../auth-chains/room-auth.ts'
import type { Room } from '../known-rooms.ts'
import type { Entries } from '../room-state/packed-entries.ts'
import { readState, readStateKeys, readWhereDifferent } from '../room-state/read-state.ts'
import type { GraphReader, LoadedEvent } from './graph-reader.ts'

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
 * The state that several states resolve to, as what it changes of the first. Costs what differs between them and between
 * their auth chains, whatever lies behind; only when something authorizes one side alone, the size of the first, too.
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
  const resolved = resolveConflicts(await conflictsOf({ txn, room, graph, first, split }))
  for (const keyNid of split.keyNids) if (states.get(first)?.has(keyNid) === true) change.set(keyNid, 0)
  for (const { eventId } of resolved.values()) {
    const row = graph.byId(eventId)?.row
    if (row?.keyNid == null || !split.keyNids.has(row.keyNid)) continue
    if (states.get(first)?.get(row.keyNid) === row.eventNid) change.delete(row.keyNid)
    else change.set(row.keyNid, row.eventNid)
  }
  return { on: first, change }
}

interface Merging {
  readonly txn: Transaction
  readonly room: Room
  readonly graph: GraphReader
  readonly first: number
  readonly split: Split
}

/** Brings into memory what resolving looks at: what is in conflict, what each of that names, and no whole auth chain. */
async function conflictsOf(merging: Merging): Promise<Conflicts> {
  const { txn, room, graph, split } = merging
  const auth = new RoomAuth(txn, room.roomNid)
  const conflicted = new Set(split.own.flat())
  const covers = await auth.covers(split.own)
  // Only what is whole is ever put into a state.
  if (covers.some(({ complete }) => !complete)) throw new Error(`room ${room.roomNid} lacks a part of an auth chain`)
  const isV1 = room.version.stateResolution === 'v1'
  const difference = isV1 ? new Set<number>() : await authDifference(merging, auth, covers)
  const subgraph = room.version.stateResolution === 'v2.1' ? await auth.subgraph(conflicted, covers) : new Set<number>()
  const full = new Set([...conflicted, ...difference, ...subgraph])
  const authNids = (await edgesOfEvents(txn, [...full])).flatMap((edges) => edges.authNids)
  const loaded = await graph.load([...full, ...authNids])
  const unconflicted = await unconflictedEvents(
    merging,
    loaded.map(({ event }) => event),
  )
  const powerLevels = [...loaded, ...unconflicted].filter(({ event }) => event.type === 'm.room.power_levels')
  const lines = await auth.lines(
    powerLevels.filter(({ event }) => event.stateKey === '').map(({ row }) => row.eventNid),
  )
  await graph.load(lines.keys())
  const byKey = new Map(unconflicted.map(({ event }) => [stateKeyText(event.type, event.stateKey ?? ''), event]))
  return {
    rules: room.version,
    event: (eventId) => graph.byId(eventId)?.event,
    isRejected: (eventId) => graph.byId(eventId)?.row.rejected != null,
    conflicted: graph.ids(conflicted),
    authDifference: new Set(graph.ids(difference)),
    subgraph: new Set(graph.ids(subgraph)),
    unconflicted: (type, stateKey) => byKey.get(stateKeyText(type, stateKey)),
    powerLevelsAbove: ({ eventId }) => graph.byNid(lines.get(graph.byId(eventId)?.row.eventNid ?? 0) ?? 0)?.event,
  }
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
 * What only some of the states are authorized by.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
async function authDifference(merging: Merging, auth: RoomAuth, covers: readonly Cover[]): Promise<Set<number>> {
  const { txn, first, split } = merging
  const difference = await auth.difference(covers)
  const conflicted = new Set(split.own.flat())
  const doubtful = [...difference].filter((nid) => !conflicted.has(nid))
  if (doubtful.length === 0) return difference
  // What they agree about, and all that authorizes it, is behind every one of them. It is newer than what it stands on.
  const oldest = (await auth.isOrdered()) ? Math.min(...doubtful) : 0
  const agreed = [...split.added.values()]
  for (const [keyNid, eventNid] of await readState(txn, first)) if (!split.keyNids.has(keyNid)) agreed.push(eventNid)
  const newer = agreed.filter((nid) => nid >= oldest)
  if (newer.length === 0) return difference
  const [behindAll] = await auth.covers([newer])
  if (behindAll !== undefined) for (const nid of await auth.within(behindAll, doubtful)) difference.delete(nid)
  return difference
}

/** The events that nobody disagrees about and that the rules may look at for one of `events`. */
async function unconflictedEvents(
  { txn, room, graph, first, split }: Merging,
  events: readonly Event[],
): Promise<LoadedEvent[]> {
  const types = new Set(['m.room.create', 'm.room.power_levels'])
  const stateKeys = new Set([''])
  for (const event of events) {
    for (const [type, stateKey] of authEventKeys(event, room.version)) {
      types.add(type)
      stateKeys.add(stateKey)
    }
  }
  const keys = (await stateKeysOf(txn, [...types], [...stateKeys])).filter(({ keyNid }) => !split.keyNids.has(keyNid))
  const keyNids = keys.map(({ keyNid }) => keyNid)
  const state = new Map((await readStateKeys(txn, [first], keyNids)).get(first))
  for (const [keyNid, eventNid] of split.added) state.set(keyNid, eventNid)
  return graph.load(state.values())
}
