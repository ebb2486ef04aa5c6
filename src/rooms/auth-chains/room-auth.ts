import { isAuthOrdered } from '#storage/auth-chains.ts'
import type { Transaction } from '#storage/transaction.ts'
import { AuthNodes } from './auth-nodes.ts'
import { differenceOf, eventsOf } from './cover-events.ts'
import { coversOf, NotIndexed, type Cover } from './covers.ts'
import { indexRoom } from './index-events.ts'
import { linesOf } from './power-line.ts'
import { subgraphOf } from './subgraph.ts'

/**
 * What authorizes the events of a room, at whatever distance: answered by the index of auth chains
 * (docs/decisions/0018-auth-chain-index.md) in a few set queries, however long the room's history. In a room that has
 * not been indexed yet, the first question writes the index. For one transaction.
 */
export class RoomAuth {
  readonly #txn: Transaction
  readonly #roomNid: number
  #nodes: AuthNodes

  constructor(txn: Transaction, roomNid: number) {
    this.#txn = txn
    this.#roomNid = roomNid
    this.#nodes = new AuthNodes(txn, roomNid)
  }

  /** For each set of events: these and all that authorizes them. */
  async covers(starts: readonly Iterable<number>[]): Promise<Cover[]> {
    const sets = starts.map((start) => [...start])
    try {
      return await coversOf(this.#nodes, sets)
    } catch (error) {
      if (!(error instanceof NotIndexed)) throw error
    }
    await indexRoom(this.#txn, this.#roomNid)
    this.#nodes = new AuthNodes(this.#txn, this.#roomNid)
    return coversOf(this.#nodes, sets, true)
  }

  /** All events of a cover; costs the size of the answer. */
  events(cover: Cover): Promise<Set<number>> {
    return eventsOf(this.#nodes, cover)
  }

  /** The events that are in some covers but not in all. */
  difference(covers: readonly Cover[]): Promise<Set<number>> {
    return differenceOf(this.#nodes, covers)
  }

  /** Those of these events that are in a cover. */
  async within(cover: Cover, eventNids: Iterable<number>): Promise<Set<number>> {
    const asked = [...eventNids]
    await this.#nodes.load(asked)
    return new Set(
      asked.filter((nid) => {
        const entry = this.#nodes.get(nid)?.place?.entry
        return entry === undefined ? cover.loose.has(nid) : (cover.reach.get(entry.chain)?.place ?? -1) >= entry.place
      }),
    )
  }

  /** The events on paths of the auth graph between events of `conflicted`, whose covers together are `covers`. */
  async subgraph(conflicted: ReadonlySet<number>, covers: readonly Cover[]): Promise<Set<number>> {
    return subgraphOf(this.#nodes, unionOf(covers), { conflicted, isOrdered: await this.isOrdered() })
  }

  /** The next of these events, and of those at which their lines meet, that each stands on under its own key. */
  lines(eventNids: Iterable<number>): Promise<Map<number, number | undefined>> {
    return linesOf(this.#nodes, eventNids)
  }

  /** Whether every state event of the room has a larger number than all that authorizes it. One query. */
  isOrdered(): Promise<boolean> {
    return isAuthOrdered(this.#txn, this.#roomNid)
  }
}

function unionOf(covers: readonly Cover[]): Cover {
  const reach = new Map<number, { readonly place: number; readonly nid: number }>()
  for (const cover of covers) {
    for (const [chain, reached] of cover.reach)
      if (reached.place > (reach.get(chain)?.place ?? -1)) reach.set(chain, reached)
  }
  const loose = new Set(covers.flatMap((cover) => [...cover.loose]))
  return { reach, loose, complete: covers.every((cover) => cover.complete) }
}
