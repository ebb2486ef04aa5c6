import type { StateNodeRow } from '#storage/room-state.ts'
import { stateChunks, stateChunksHolding, stateNodesWithAncestors } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import { unpackEntries, visitPacked, type Entries } from './packed-entries.ts'

/** The steps from a state to its base: its own delta first. */
function pathOf(stateNid: number, nodes: ReadonlyMap<number, StateNodeRow>): StateNodeRow[] {
  const path: StateNodeRow[] = []
  for (let nid: number | null = stateNid; nid !== null;) {
    const node = nodes.get(nid)
    if (node === undefined) throw new Error(`state node ${nid} is missing`)
    path.push(node)
    nid = node.parentNid
  }
  return path
}

/** The whole state of a node. Two queries; costs the size of the answer. */
export async function readState(txn: Transaction, stateNid: number): Promise<Map<number, number>> {
  const rows = await stateNodesWithAncestors(txn, [stateNid])
  const path = pathOf(stateNid, new Map(rows.map((row) => [row.stateNid, row])))
  const state = new Map<number, number>()
  const put = (keyNid: number, eventNid: number): void => {
    if (eventNid === 0) state.delete(keyNid)
    else state.set(keyNid, eventNid)
  }
  for (const chunk of await stateChunks(txn, path.at(-1)?.stateNid ?? stateNid)) visitPacked(chunk.entries, put)
  for (const node of path.reverse()) visitPacked(node.delta, put)
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
  const nodes = new Map((await stateNodesWithAncestors(txn, stateNids)).map((row) => [row.stateNid, row]))
  const deltas = new Map<number, Map<number, number>>()
  const deltaOf = (node: StateNodeRow): Map<number, number> => {
    let delta = deltas.get(node.stateNid)
    if (delta === undefined) deltas.set(node.stateNid, (delta = unpackEntries(node.delta)))
    return delta
  }
  const baseNids = [...new Set([...nodes.values()].map((node) => node.baseNid))]
  const bases = new Map<number, Map<number, number>>(baseNids.map((nid) => [nid, new Map<number, number>()]))
  for (const chunk of await stateChunksHolding(txn, baseNids, keyNids)) {
    visitPacked(chunk.entries, (keyNid, eventNid) => bases.get(chunk.stateNid)?.set(keyNid, eventNid))
  }
  const answer = new Map<number, Entries>()
  for (const stateNid of stateNids) {
    const path = pathOf(stateNid, nodes)
    const found = new Map<number, number>()
    for (const keyNid of keyNids) {
      const node = path.find((step) => deltaOf(step).has(keyNid))
      const eventNid =
        node === undefined ? bases.get(path.at(-1)?.stateNid ?? 0)?.get(keyNid) : deltaOf(node).get(keyNid)
      if (eventNid !== undefined && eventNid !== 0) found.set(keyNid, eventNid)
    }
    answer.set(stateNid, found)
  }
  return answer
}
