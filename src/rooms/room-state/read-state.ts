import type { StateNodeRow } from '#storage/room-state.ts'
import { stateChunks, stateChunksHolding, stateNodesWithAncestors } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import { visitPacked, type Entries } from './packed-entries.ts'
import { pathOf, visitDelta } from './state-path.ts'

/** How a key differs between two states: null where a state does not have it. */
export interface StateDifference {
  readonly keyNid: number
  readonly from: number | null
  readonly to: number | null
}

/** These nodes and their ancestors, by number. */
export async function readNodes(
  txn: Transaction,
  stateNids: readonly number[],
): Promise<ReadonlyMap<number, StateNodeRow>> {
  const rows = await stateNodesWithAncestors(txn, stateNids)
  return new Map(rows.map((row) => [row.stateNid, row]))
}

/** The whole state of a node. Two queries; costs the size of the answer. */
export async function readState(txn: Transaction, stateNid: number): Promise<Map<number, number>> {
  const path = pathOf(stateNid, await readNodes(txn, [stateNid]))
  const state = new Map<number, number>()
  for (const chunk of await stateChunks(txn, path.at(-1)?.stateNid ?? stateNid)) {
    visitPacked(chunk.entries, (keyNid, eventNid) => state.set(keyNid, eventNid))
  }
  // Newest first, so that each key is settled by the first node that names it; only the last of them touch the map.
  for (const node of path.reverse()) {
    visitDelta(node, (keyNid, eventNid) => {
      if (eventNid === 0) state.delete(keyNid)
      else state.set(keyNid, eventNid)
    })
  }
  return state
}

/**
 * Some keys of several states: for each state, those of the keys that it has, with their events. Two queries whatever
 * the number of states and keys; costs the deltas on the way and one chunk for each base and key.
 */
export async function readStateKeys(
  txn: Transaction,
  stateNids: readonly number[],
  keyNids: readonly number[],
): Promise<Map<number, Entries>> {
  const nodes = await readNodes(txn, stateNids)
  const wanted = new Set(keyNids)
  const deltas = new Map([...nodes.values()].map((node) => [node.stateNid, pickedFrom(node, wanted)]))
  const baseNids = [...nodes.values()].filter((node) => node.parentNid === null).map((node) => node.stateNid)
  const bases = new Map<number, Map<number, number>>(baseNids.map((nid) => [nid, new Map<number, number>()]))
  for (const chunk of await stateChunksHolding(txn, baseNids, keyNids)) {
    const base = bases.get(chunk.stateNid)
    visitPacked(chunk.entries, (keyNid, eventNid) => {
      if (wanted.has(keyNid)) base?.set(keyNid, eventNid)
    })
  }
  const answer = new Map<number, Entries>()
  for (const stateNid of stateNids) {
    const found = new Map<number, number>()
    const path = pathOf(stateNid, nodes).reverse()
    for (const [keyNid, eventNid] of bases.get(path[0]?.stateNid ?? 0) ?? []) found.set(keyNid, eventNid)
    for (const node of path)
      for (const [keyNid, eventNid] of deltas.get(node.stateNid) ?? []) found.set(keyNid, eventNid)
    for (const [keyNid, eventNid] of found) if (eventNid === 0) found.delete(keyNid)
    answer.set(stateNid, found)
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
 * The keys under which two states differ, in no order. Reads no base that both stand on: from their nearest common
 * ancestor it costs the deltas on both ways and a chunk for each key in them; without one, the size of both states.
 */
export async function readDifference(txn: Transaction, from: number, to: number): Promise<StateDifference[]> {
  if (from === to) return []
  const states = await readWhereDifferent(txn, [from, to])
  return differences(states.get(from) ?? new Map(), states.get(to) ?? new Map())
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
  if (!paths[0]?.some(inAll)) {
    const states = new Map<number, Entries>()
    for (const stateNid of stateNids) states.set(stateNid, await readState(txn, stateNid))
    return states
  }
  const changed = new Set<number>()
  for (const path of paths) {
    for (const node of path) if (!inAll(node)) visitDelta(node, (keyNid) => changed.add(keyNid))
  }
  return readStateKeys(txn, stateNids, [...changed])
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
