import { linksUpTo, type AuthNode, type AuthNodes } from './auth-nodes.ts'

/** Events that each follow the one before under the same key and are not in the index, at most, in a room that is. */
const looseRunMax = 128

/** Some events and all that authorizes them: of each chain a beginning, and events that are in no chain. */
export interface Cover {
  /** By chain: how far it reaches, and the event there. */
  readonly reach: ReadonlyMap<number, { readonly place: number; readonly nid: number }>
  readonly loose: ReadonlySet<number>
  /** False when something that belongs to it is not here. */
  readonly complete: boolean
}

/** The index lacks what it should have by now: whoever asked has it built and asks again. */
export class NotIndexed extends Error {}

/**
 * The covers of several sets of events, found together: a round of two queries for each change from chain to chain on the
 * longest way, whatever the length of the chains.
 * @throws NotIndexed when a long run of events is in no chain; never with `whateverLength`.
 */
export async function coversOf(
  nodes: AuthNodes,
  starts: readonly Iterable<number>[],
  whateverLength = false,
): Promise<Cover[]> {
  const walks = starts.map((start) => new Walk(nodes, start, whateverLength ? Infinity : looseRunMax))
  for (;;) {
    const unread = new Set<number>()
    for (const walk of walks) for (const nid of walk.advance()) unread.add(nid)
    if (unread.size === 0) return walks.map((walk) => walk.cover)
    await nodes.load(unread)
  }
}

interface Visit {
  readonly nid: number
  /** The event that names it, when that is in no chain: its key, and how many of that key in a row have led here. */
  readonly keyNid: number | null
  readonly run: number
}

/** One cover as it is being found. */
class Walk {
  readonly #nodes: AuthNodes
  readonly #runMax: number
  readonly #reach = new Map<number, { place: number; nid: number }>()
  readonly #loose = new Set<number>()
  readonly #asked = new Set<number>()
  #waiting: Visit[]
  #complete = true

  constructor(nodes: AuthNodes, start: Iterable<number>, runMax: number) {
    this.#nodes = nodes
    this.#runMax = runMax
    this.#waiting = [...start].map((nid) => ({ nid, keyNid: null, run: 0 }))
  }

  /** Goes as far as leads what has been read; gives the events that have to be read next. */
  advance(): readonly number[] {
    const unread: Visit[] = []
    for (let visit = this.#waiting.pop(); visit !== undefined; visit = this.#waiting.pop()) {
      const node = this.#nodes.get(visit.nid)
      if (node !== undefined) this.#visit(node, visit)
      // Asked for once already: it is not to be had.
      else if (this.#asked.has(visit.nid)) this.#complete = false
      else unread.push(visit)
    }
    for (const { nid } of unread) this.#asked.add(nid)
    this.#waiting = unread
    return unread.map(({ nid }) => nid)
  }

  get cover(): Cover {
    return { reach: this.#reach, loose: this.#loose, complete: this.#complete }
  }

  #visit(node: AuthNode, { keyNid, run }: Visit): void {
    if (node.incomplete) this.#complete = false
    if (node.place !== undefined) {
      const { entry, stretch } = node.place
      if ((this.#reach.get(entry.chain)?.place ?? -1) >= entry.place) return
      this.#reach.set(entry.chain, { place: entry.place, nid: node.nid })
      for (const nid of linksUpTo(stretch, entry)) this.#waiting.push({ nid, keyNid: null, run: 0 })
    } else if (!this.#loose.has(node.nid)) {
      this.#loose.add(node.nid)
      const onward = keyNid === node.keyNid ? run + 1 : 0
      if (onward > this.#runMax)
        throw new NotIndexed(`event ${node.nid} is in no chain, and so are ${onward} before it`)
      for (const nid of node.authNids) this.#waiting.push({ nid, keyNid: node.keyNid, run: onward })
    }
  }
}
