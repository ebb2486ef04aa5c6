import type { NewStateNode, StateChunkRow, StateNodeRow } from '#storage/room-state.ts'
import { packEntries, type Entries } from './packed-entries.ts'
import { chunkEntriesMax, deltaOf, inChunks, liesInChunks, pathOf } from './state-path.ts'

/**
 * How states share what they have in common: leveled deltas over a chunked full copy.
 *
 * A *base* is a whole state. Nodes after it are counted by position. The node at position p has as its parent the
 * node at p − Fʲ, where Fʲ is the largest power of the fan F that divides p, and holds all changes of that stretch:
 *
 *     base ← 1 ← 2 ← … ← 7        8 holds 1…8 and stands on the base; 9 stands on 8
 *       ↑______________________ 8 ← 9 ← …        64 holds 1…64 and stands on the base
 *
 * So any state is at most (F − 1) × levels steps from its base, and each change is stored once a level. Long deltas lie in
 * chunks as bases do, so that one key costs one chunk of each node and never grows with the room. On the lowest level it costs nothing: the row of the event that made the state says which one was before, and what changed.
 * Figures: docs/decisions/0007-state-nodes.md.
 */
const fan = 8
/** A base is not renewed before this many changes, nor before this part of its own size has changed. */
const rebaseChangesMin = 512
const rebaseShare = 2
/** Entries of a delta that its node's row holds; more lie in chunks, so that one key costs one of them. */
const rowEntriesMax = 256
/** States that one received event may add: what its ends resolve to, and what it makes of that. */
const statesAheadMax = 2

interface PathNode {
  readonly stateNid: number
  readonly position: number
  /** Undefined while it lies in chunks that nobody has read. */
  delta: Entries | undefined
}

/** The rows that one new state costs, when it is not held by its event's row. */
export interface NewState {
  readonly node: NewStateNode
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

  /**
   * Takes up the path of a room's stored state: `nodes` has it and all its ancestors, and perhaps others. `size` is how
   * many keys the state has. Deltas that lie in chunks are not there yet: `supply` those of `missing`.
   */
  static resume(of: {
    readonly roomNid: number
    readonly stateNid: number
    readonly nodes: ReadonlyMap<number, StateNodeRow>
    readonly size: number
  }): NodePath {
    const [base, ...above] = pathOf(of.stateNid, of.nodes).reverse()
    if (base === undefined) throw new Error('a stored state has no base')
    const path = new NodePath(of.roomNid, base.stateNid, of.size)
    for (const row of above) {
      const position = row.position ?? path.#position + 1
      path.#nodes.push({ stateNid: row.stateNid, position, delta: liesInChunks(row) ? undefined : deltaOf(row) })
    }
    return path
  }

  /** Nodes whose deltas lie in chunks that nobody has read: all of them, or those that one more event may need. */
  missing(what: 'all' | 'next'): number[] {
    const from = (ahead: number): number => this.#position + ahead - stretchOf(this.#position + ahead)
    const needed = Math.min(...Array.from({ length: statesAheadMax }, (_, index) => from(index + 1)))
    return this.#nodes
      .filter((node) => node.delta === undefined && (what === 'all' || node.position > needed))
      .map((node) => node.stateNid)
  }

  /** The deltas that are known, by node. */
  get deltas(): ReadonlyMap<number, Entries> {
    const known = new Map<number, Entries>()
    for (const { stateNid, delta } of this.#nodes) if (delta !== undefined) known.set(stateNid, delta)
    return known
  }

  /** Gives the path deltas that it misses, by node. */
  supply(deltas: ReadonlyMap<number, Entries>): void {
    for (const node of this.#nodes) node.delta ??= deltas.get(node.stateNid)
  }

  /** Starts anew from a whole state. */
  static from(roomNid: number, stateNid: number, whole: Entries): { path: NodePath; created: NewState } {
    return { path: new NodePath(roomNid, stateNid, whole.size), created: baseOf(roomNid, stateNid, whole) }
  }

  /** True when the next state that has rows of its own will be a base, so that it has to be known in full. */
  get rebasesNext(): boolean {
    return rebases(this.#position + 1, this.#baseSize)
  }

  /** The latest state. */
  get stateNid(): number {
    return this.#nodes.at(-1)?.stateNid ?? this.#baseNid
  }

  get #position(): number {
    return this.#nodes.at(-1)?.position ?? 0
  }

  /**
   * Adds the state that a state event makes of the latest, which is the one before it. Gives its rows; undefined when
   * the event's own row holds it. `stateNid` is a number for it, in case it has rows; `whole` gives the new state in full,
   * and is asked only when it is time for a new base. Amortized constant time per change.
   */
  addEvent(
    event: { readonly eventNid: number; readonly keyNid: number },
    stateNid: number,
    whole: () => Entries,
  ): NewState | undefined {
    const change = new Map([[event.keyNid, event.eventNid]])
    const position = this.#position + 1
    if (position % fan !== 0) {
      this.#nodes.push({ stateNid: -event.eventNid, position, delta: change })
      return undefined
    }
    return this.add(stateNid, change, whole)
  }

  /** Adds any state that follows the latest, with rows of its own: `change` on top of it, 0 for a key that goes. */
  add(stateNid: number, change: Entries, whole: () => Entries): NewState {
    const position = this.#position + 1
    if (rebases(position, this.#baseSize)) {
      const state = whole()
      this.#baseNid = stateNid
      this.#baseSize = state.size
      this.#nodes = []
      return baseOf(this.#roomNid, stateNid, state)
    }
    const target = position - stretchOf(position)
    const stretch: PathNode[] = []
    for (let top = this.#nodes.at(-1); top !== undefined && top.position > target; top = this.#nodes.at(-1)) {
      stretch.push(top)
      this.#nodes.pop()
    }
    const delta = new Map<number, number>()
    for (const node of stretch.reverse()) {
      if (node.delta === undefined) throw new Error(`the delta of state ${node.stateNid} was not read`)
      for (const [key, event] of node.delta) delta.set(key, event)
    }
    for (const [key, event] of change) delta.set(key, event)
    const parentNid = this.stateNid
    this.#nodes.push({ stateNid, position, delta })
    const isLong = delta.size > rowEntriesMax
    return {
      node: { stateNid, roomNid: this.#roomNid, parentNid, position, delta: isLong ? inChunks : packEntries(delta) },
      chunks: isLong ? chunksOf(stateNid, delta) : [],
    }
  }
}

function rebases(position: number, baseSize: number): boolean {
  return position % rebaseChangesMin === 0 && position >= baseSize / rebaseShare
}

/** The largest power of the fan that divides a position. */
function stretchOf(position: number): number {
  let stretch = 1
  while (position % (stretch * fan) === 0) stretch *= fan
  return stretch
}

function baseOf(roomNid: number, stateNid: number, whole: Entries): NewState {
  const node = { stateNid, roomNid, parentNid: null, position: 0, delta: new Uint8Array(0) }
  return { node, chunks: chunksOf(stateNid, whole) }
}

function chunksOf(stateNid: number, entries: Entries): StateChunkRow[] {
  const keys = [...entries.keys()].sort((a, b) => a - b)
  const chunks: StateChunkRow[] = []
  for (let start = 0; start < keys.length; start += chunkEntriesMax) {
    const part = keys.slice(start, start + chunkEntriesMax)
    const packed = packEntries(new Map(part.map((key) => [key, entries.get(key) ?? 0])))
    chunks.push({ stateNid, firstKey: part[0] ?? 0, entries: packed })
  }
  return chunks
}
