import { NumberMap } from '#base/number-map.ts'
import {
  stateChunks,
  stateChunksBelow,
  stateChunksHolding,
  stateNodesWithAncestors,
  stateSteps,
  type StateNodeRow,
} from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import { visitPacked, type Entries } from './packed-entries.ts'
import { chunkEntriesMax, liesInChunks, pathOf, visitDelta } from './state-path.ts'

/** How a key differs between two states: null where a state does not have it. */
export interface StateDifference {
  readonly keyNid: number
  readonly from: number | null
  readonly to: number | null
}

/** States with all their ancestors, by number. */
export type StateNodes = ReadonlyMap<number, StateNodeRow>

/** These nodes and their ancestors, by number. */
export async function readNodes(txn: Transaction, stateNids: readonly number[]): Promise<StateNodes> {
  const rows = await stateNodesWithAncestors(txn, stateNids)
  return new Map(rows.map((row) => [row.stateNid, row]))
}

/** The entries of nodes that lie in chunks, by node; 0 for a key that a delta takes away. One query. */
export async function readChunked(txn: Transaction, stateNids: readonly number[]): Promise<Map<number, Entries>> {
  const read = new Map<number, Map<number, number>>(stateNids.map((nid) => [nid, new Map<number, number>()]))
  if (stateNids.length === 0) return read
  for (const { stateNid, entries } of await stateChunks(txn, stateNids)) {
    const node = read.get(stateNid)
    visitPacked(entries, (keyNid, eventNid) => node?.set(keyNid, eventNid))
  }
  return read
}

/** The whole state of a node, or its keys below one. Two queries; costs the size of the answer. */
export async function readState(txn: Transaction, stateNid: number, below?: number): Promise<NumberMap> {
  const path = pathOf(stateNid, await readNodes(txn, [stateNid])).reverse()
  const chunked = nidsOf(path.filter(liesInChunks))
  const read = below === undefined ? stateChunks(txn, chunked) : stateChunksBelow(txn, chunked, below)
  const chunks = Map.groupBy(await read, (chunk) => chunk.stateNid)
  const base = chunks.get(path[0]?.stateNid ?? 0)
  const state = new NumberMap((base?.length ?? 0) * chunkEntriesMax)
  const take = (keyNid: number, eventNid: number): void => {
    if (below !== undefined && keyNid >= below) return
    if (eventNid === 0) state.delete(keyNid)
    else state.set(keyNid, eventNid)
  }
  for (const node of path) {
    visitDelta(node, take)
    for (const chunk of chunks.get(node.stateNid) ?? []) visitPacked(chunk.entries, take)
  }
  return state
}

/**
 * Some keys of several states: for each state, those of the keys that it has, with their events. Two queries whatever
 * the number of states and keys; costs the short deltas on the way, and one chunk for each key of each long one.
 */
export async function readStateKeys(
  txn: Transaction,
  stateNids: readonly number[],
  keyNids: readonly number[],
): Promise<Map<number, Entries>> {
  return keysOf(txn, await readNodes(txn, stateNids), stateNids, keyNids)
}

async function keysOf(
  txn: Transaction,
  nodes: StateNodes,
  stateNids: readonly number[],
  keyNids: readonly number[],
): Promise<Map<number, Entries>> {
  const wanted = new Set(keyNids)
  const paths = stateNids.map((stateNid) => pathOf(stateNid, nodes))
  const deltas = new Map<number, [number, number][]>()
  for (const node of paths.flat()) if (!deltas.has(node.stateNid)) deltas.set(node.stateNid, pickedFrom(node, wanted))
  const chunked = [...deltas.keys()].filter((nid) => {
    const node = nodes.get(nid)
    return node !== undefined && liesInChunks(node)
  })
  const chunks = keyNids.length === 0 ? [] : await stateChunksHolding(txn, chunked, keyNids)
  for (const chunk of chunks) {
    visitPacked(chunk.entries, (keyNid, eventNid) => {
      if (wanted.has(keyNid)) deltas.get(chunk.stateNid)?.push([keyNid, eventNid])
    })
  }
  const answer = new Map<number, Entries>()
  for (const path of paths) {
    const found = new Map<number, number>()
    for (const node of path.toReversed())
      for (const [keyNid, eventNid] of deltas.get(node.stateNid) ?? []) found.set(keyNid, eventNid)
    for (const [keyNid, eventNid] of found) if (eventNid === 0) found.delete(keyNid)
    answer.set(path[0]?.stateNid ?? 0, found)
  }
  return answer
}

function pickedFrom(node: StateNodeRow, wanted: ReadonlySet<number>): [number, number][] {
  const picked: [number, number][] = []
  visitDelta(node, (keyNid, eventNid) => {
    if (wanted.has(keyNid)) picked.push([keyNid, eventNid])
  })
  return picked
}

/**
 * The keys under which two states differ, in no order. A state and the one that an event made of it cost that event's
 * row. Others cost what lies between each and their nearest common ancestor, and a chunk for each key that only one of
 * them has changed since; without a common ancestor, the size of both.
 */
export async function readDifference(txn: Transaction, from: number, to: number): Promise<StateDifference[]> {
  if (from === to) return []
  const step = await readStep(txn, from, to)
  if (step !== undefined) return [step]
  const states = await readWhereDifferent(txn, [from, to])
  return differences(states.get(from) ?? new Map(), states.get(to) ?? new Map())
}

/** The difference when an event has made the one state of the other. */
async function readStep(txn: Transaction, from: number, to: number): Promise<StateDifference | undefined> {
  const made = [from, to].filter((nid) => nid < 0).map((nid) => -nid)
  if (made.length === 0) return undefined
  for (const { eventNid, keyNid, stateBefore, replacesNid } of await stateSteps(txn, made)) {
    if (-eventNid === to && stateBefore === from) return { keyNid, from: replacesNid, to: eventNid }
    if (-eventNid === from && stateBefore === to) return { keyNid, from: eventNid, to: replacesNid }
  }
  return undefined
}

/**
 * Several states, each with at least those of its keys under which they are not all alike. Costs what lies between
 * them and their nearest common ancestor; without one, the size of all of them.
 */
export async function readWhereDifferent(
  txn: Transaction,
  stateNids: readonly number[],
): Promise<ReadonlyMap<number, Entries>> {
  const nodes = await readNodes(txn, stateNids)
  const paths = stateNids.map((stateNid) => pathOf(stateNid, nodes))
  const counts = new Map<number, number>()
  for (const path of paths) for (const { stateNid } of path) counts.set(stateNid, (counts.get(stateNid) ?? 0) + 1)
  const inAll = (node: StateNodeRow): boolean => counts.get(node.stateNid) === paths.length
  const common = paths[0]?.find(inAll)
  if (common === undefined) {
    const states = new Map<number, Entries>()
    for (const stateNid of stateNids) states.set(stateNid, await readState(txn, stateNid))
    return states
  }
  const own = paths.map((path) => path.filter((node) => !inAll(node)))
  const chunked = await readChunked(txn, nidsOf([...new Set(own.flat())].filter(liesInChunks)))
  const changes = own.map((branch) => changesOn(branch, chunked))
  const changed = new Set(changes.flatMap((each) => [...each.keys()]))
  const shared = [...changed].filter((keyNid) => changes.some((each) => !each.has(keyNid)))
  const before = shared.length === 0 ? undefined : await keysOf(txn, nodes, [common.stateNid], shared)
  return new Map(
    stateNids.map((stateNid, index) => [stateNid, merged(before?.get(common.stateNid), changes[index], changed)]),
  )
}

/** What a part of a path changes in all, its newest node first; 0 for a key that goes. */
function changesOn(branch: readonly StateNodeRow[], chunked: ReadonlyMap<number, Entries>): Map<number, number> {
  const changes = new Map<number, number>()
  for (const node of branch.toReversed()) {
    visitDelta(node, (keyNid, eventNid) => changes.set(keyNid, eventNid))
    for (const [keyNid, eventNid] of chunked.get(node.stateNid) ?? []) changes.set(keyNid, eventNid)
  }
  return changes
}

function merged(before: Entries | undefined, changes: Entries | undefined, keyNids: ReadonlySet<number>): Entries {
  const state = new Map<number, number>()
  for (const keyNid of keyNids) {
    const eventNid = changes?.get(keyNid) ?? before?.get(keyNid) ?? 0
    if (eventNid !== 0) state.set(keyNid, eventNid)
  }
  return state
}

function nidsOf(nodes: readonly StateNodeRow[]): number[] {
  return nodes.map((node) => node.stateNid)
}

function differences(from: Entries, to: Entries): StateDifference[] {
  const found: StateDifference[] = []
  for (const [keyNid, eventNid] of from) {
    const other = to.get(keyNid) ?? null
    if (other !== eventNid) found.push({ keyNid, from: eventNid, to: other })
  }
  for (const [keyNid, eventNid] of to) if (!from.has(keyNid)) found.push({ keyNid, from: null, to: eventNid })
  return found
}
