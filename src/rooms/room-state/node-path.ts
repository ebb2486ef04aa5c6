import type { StateChunkRow, StateNodeRow } from '#storage/room-state.ts'
import { packEntries, unpackEntries, type Entries } from './packed-entries.ts'

/**
 * How states share what they have in common: leveled deltas over a chunked full copy.
 *
 * A *base* is a whole state. Nodes after it are counted by position. The node at position p has as its parent the
 * node at p − Fʲ, where Fʲ is the largest power of the fan F that divides p, and holds all changes of that stretch:
 *
 *     base ← 1 ← 2 ← … ← 7        8 holds 1…8 and stands on the base; 9 stands on 8
 *       ↑______________________ 8 ← 9 ← …        64 holds 1…64 and stands on the base
 *
 * So any state is at most (F − 1) × levels steps from its base, and each change is stored once a level.
 * Figures: docs/decisions/0007-state-nodes.md.
 */
const fan = 8
/** A base is not renewed before this many changes, nor before a quarter of its own size has changed. */
const rebaseChangesMin = 512
const chunkEntriesMax = 128

interface PathNode {
  readonly stateNid: number
  readonly position: number
  readonly delta: Entries
}

/** The rows that one new state costs. */
export interface NewState {
  readonly node: StateNodeRow
  readonly chunks: readonly StateChunkRow[]
}

/** The nodes from a room's latest state down to its base: what adding the next state needs, without reading anything. */
export class NodePath {
  readonly #roomNid: number
  #baseNid: number
  #baseSize: number
  /** From the base (not itself in here) to the latest. */
  #nodes: PathNode[] = []

  private constructor(roomNid: number, baseNid: number, baseSize: number) {
    this.#roomNid = roomNid
    this.#baseNid = baseNid
    this.#baseSize = baseSize
  }

  /** Starts a room: an empty base. */
  static start(roomNid: number, stateNid: number): { path: NodePath; created: NewState } {
    const path = new NodePath(roomNid, stateNid, 0)
    return { path, created: baseOf(roomNid, stateNid, new Map()) }
  }

  /** Takes up a stored path: `rows` are a state's node and all its ancestors. `size` is how many keys the state has. */
  static resume(rows: readonly StateNodeRow[], size: number): NodePath {
    const sorted = [...rows].sort((a, b) => a.position - b.position)
    const base = sorted[0]
    if (base?.parentNid !== null) throw new Error('a stored state has no base')
    const path = new NodePath(base.roomNid, base.stateNid, size)
    path.#nodes = sorted.slice(1).map((row) => ({
      stateNid: row.stateNid,
      position: row.position,
      delta: unpackEntries(row.delta),
    }))
    return path
  }

  /** The latest state. */
  get stateNid(): number {
    return this.#nodes.at(-1)?.stateNid ?? this.#baseNid
  }

  /**
   * Adds the state that follows the latest: `change` on top of it. `whole` is that new state in full, read only when
   * it is time for a new base. Amortized constant time per change.
   */
  add(stateNid: number, change: Entries, whole: Entries): NewState {
    const position = (this.#nodes.at(-1)?.position ?? 0) + 1
    if (position % rebaseChangesMin === 0 && position >= this.#baseSize / 4) {
      this.#baseNid = stateNid
      this.#baseSize = whole.size
      this.#nodes = []
      return baseOf(this.#roomNid, stateNid, whole)
    }
    const target = position - stretchOf(position)
    const stretch: PathNode[] = []
    for (let top = this.#nodes.at(-1); top !== undefined && top.position > target; top = this.#nodes.at(-1)) {
      stretch.push(top)
      this.#nodes.pop()
    }
    const delta = new Map<number, number>()
    for (const node of stretch.reverse()) for (const [key, event] of node.delta) delta.set(key, event)
    for (const [key, event] of change) delta.set(key, event)
    const parentNid = this.stateNid
    this.#nodes.push({ stateNid, position, delta })
    return {
      node: {
        stateNid,
        roomNid: this.#roomNid,
        baseNid: this.#baseNid,
        parentNid,
        position,
        delta: packEntries(delta),
      },
      chunks: [],
    }
  }
}

/** The largest power of the fan that divides a position. */
function stretchOf(position: number): number {
  let stretch = 1
  while (position % (stretch * fan) === 0) stretch *= fan
  return stretch
}

function baseOf(roomNid: number, stateNid: number, whole: Entries): NewState {
  const keys = [...whole.keys()].sort((a, b) => a - b)
  const chunks: StateChunkRow[] = []
  for (let start = 0; start < keys.length; start += chunkEntriesMax) {
    const part = keys.slice(start, start + chunkEntriesMax)
    const entries = packEntries(new Map(part.map((key) => [key, whole.get(key) ?? 0])))
    chunks.push({ stateNid, firstKey: part[0] ?? 0, entries })
  }
  const node = { stateNid, roomNid, baseNid: stateNid, parentNid: null, position: 0, delta: new Uint8Array(0) }
  return { node, chunks }
}
