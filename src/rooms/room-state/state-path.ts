import type { StateNodeRow } from '#storage/room-state.ts'
import { unpackEntries, visitPacked, type Entries } from './packed-entries.ts'

/**
 * The steps from a state to its base, its own node first.
 * @throws Error when one is missing: the database is damaged.
 */
export function pathOf(stateNid: number, nodes: ReadonlyMap<number, StateNodeRow>): StateNodeRow[] {
  const path: StateNodeRow[] = []
  for (let nid: number | null = stateNid; nid !== null;) {
    const node = nodes.get(nid)
    if (node === undefined || (node.delta === null && node.keyNid === null)) throw new Error(`state ${nid} is missing`)
    path.push(node)
    nid = node.parentNid
  }
  return path
}

/** What a node changes of its parent's state; 0 for a key that goes. */
export function deltaOf(node: StateNodeRow): Entries {
  if (node.delta !== null) return unpackEntries(node.delta)
  return new Map([[node.keyNid ?? 0, -node.stateNid]])
}

/** Calls `visit` for each change that a node makes of its parent's state. */
export function visitDelta(node: StateNodeRow, visit: (keyNid: number, eventNid: number) => void): void {
  if (node.delta !== null) visitPacked(node.delta, visit)
  else visit(node.keyNid ?? 0, -node.stateNid)
}
