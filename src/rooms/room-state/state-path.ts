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

/** Entries in a chunk; its last one may have fewer. */
export const chunkEntriesMax = 128

/** Stands in a node's row for a delta that is too long for it and lies in chunks; no packed entries are one byte. */
export const inChunks = Uint8Array.of(0)

/** Whether a node's entries lie in chunks: of a base all, of another what it changes. */
export function liesInChunks(node: StateNodeRow): boolean {
  return node.parentNid === null || node.delta?.length === inChunks.length
}

/** What a node that does not lie in chunks changes of its parent's state; 0 for a key that goes. */
export function deltaOf(node: StateNodeRow): Entries {
  if (node.delta !== null) return unpackEntries(node.delta)
  return new Map([[node.keyNid ?? 0, -node.stateNid]])
}

/** Calls `visit` for each change that a node makes of its parent's state, but for those in chunks. */
export function visitDelta(node: StateNodeRow, visit: (keyNid: number, eventNid: number) => void): void {
  if (liesInChunks(node)) return
  if (node.delta !== null) visitPacked(node.delta, visit)
  else visit(node.keyNid ?? 0, -node.stateNid)
}
