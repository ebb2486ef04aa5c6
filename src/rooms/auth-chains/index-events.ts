import { lastAuthStretches, putAuthStretches, stateEventNids, type AuthStretchRow } from '#storage/auth-chains.ts'
import { holdsRoom } from '#storage/rooms.ts'
import type { Transaction } from '#storage/transaction.ts'
import { AuthNodes, linksUpTo, predecessorOf, type AuthNode, type Stretch } from './auth-nodes.ts'
import { packStretch, unpackStretch, type ChainEntry } from './packed-stretch.ts'

/** Events of a key that follow one another before they are put into the index: until then their own rows say enough. */
const runEventsMin = 24
/** Entries of a stretch: one row. */
const stretchEntriesMax = 64
/** Steps back from an event to the index, or to the first of its key. */
const stepsBackMax = 128
/** State events of a room that one look takes in while all of them are indexed. */
const eventsAtOnce = 5_000

/**
 * Puts state events of a room into the index, with those before them under the same key that are not in it yet; those
 * that few of their key precede are left for later. Some queries for all of them, and a row for every dozens of events.
 */
export async function indexEvents(txn: Transaction, roomNid: number, eventNids: readonly number[]): Promise<void> {
  if (!(await holdsRoom(txn, roomNid))) return
  const nodes = new AuthNodes(txn, roomNid)
  const runs = await looseRuns(nodes, eventNids)
  const counts = new Map<number, number>()
  for (const { keyNid } of runs) if (keyNid !== null) counts.set(keyNid, (counts.get(keyNid) ?? 0) + 1)
  const keyNids = [...counts].filter(([, count]) => count >= runEventsMin).map(([keyNid]) => keyNid)
  if (keyNids.length === 0) return
  const last = (await lastAuthStretches(txn, roomNid, keyNids)).map(({ keyNid, firstNid, entries }) => ({
    ...{ keyNid, firstNid },
    entries: unpackStretch(firstNid, entries),
  }))
  // Where links lead says which of them are worth keeping.
  await nodes.load(last.flatMap(({ entries }) => entries.flatMap((entry) => entry.links)))
  const writer = new StretchWriter(roomNid, nodes, last)
  const worthwhile = new Set<number | null>(keyNids)
  // What authorizes an event has its place before it.
  for (const node of runs.toSorted((a, b) => a.nid - b.nid)) if (worthwhile.has(node.keyNid)) writer.append(node)
  await putAuthStretches(txn, writer.rows())
}

/** Puts all state events of a room into the index that are not in it. Costs their number. */
export async function indexRoom(txn: Transaction, roomNid: number): Promise<void> {
  const eventNids = await stateEventNids(txn, roomNid)
  for (let at = 0; at < eventNids.length; at += eventsAtOnce)
    await indexEvents(txn, roomNid, eventNids.slice(at, at + eventsAtOnce))
}

/**
 * These events and those before them under the same key, down to the index or to the first, each once: of events that
 * have such a predecessor, that are whole, and that are not too far from the index.
 */
async function looseRuns(nodes: AuthNodes, eventNids: readonly number[]): Promise<AuthNode[]> {
  const found = new Map<number, AuthNode>()
  const broken = new Set<number | null>()
  let steps: number[] = [...eventNids]
  for (let step = 0; steps.length > 0; step++) {
    await nodes.load(steps)
    const loose = steps.flatMap((nid) => nodes.get(nid) ?? []).filter((node) => node.place === undefined)
    await nodes.load(loose.flatMap((node) => node.authNids))
    const next: number[] = []
    for (const node of loose) {
      if (node.incomplete || node.keyNid === null || step === stepsBackMax) {
        broken.add(node.keyNid)
        continue
      }
      const before = predecessorOf(node, nodes)
      // Whoever stands alone needs no index.
      if (before === undefined && step === 0) continue
      found.set(node.nid, node)
      if (before !== undefined && !found.has(before)) next.push(before)
    }
    steps = [...new Set(next)]
  }
  return [...found.values()].filter((node) => !broken.has(node.keyNid))
}

/** The last stretch of a key, while events are put behind it. */
interface Tail extends Stretch {
  readonly entries: ChainEntry[]
}

/** Puts events of a room behind what the index has of their keys. */
class StretchWriter {
  readonly #roomNid: number
  readonly #nodes: AuthNodes
  /** The last stretch of each key. */
  readonly #tails = new Map<number, Tail>()
  readonly #changed = new Set<Stretch>()
  /** The places that events have been given. */
  readonly #placed = new Map<number, ChainEntry>()

  constructor(roomNid: number, nodes: AuthNodes, last: readonly Tail[]) {
    this.#roomNid = roomNid
    this.#nodes = nodes
    for (const tail of last) this.#tails.set(tail.keyNid, tail)
  }

  append(node: AuthNode): void {
    const keyNid = node.keyNid ?? 0
    let tail = this.#tails.get(keyNid)
    // What comes late has its place in no stretch: its own row goes on to say what authorizes it.
    if (tail !== undefined && node.nid <= (tail.entries.at(-1)?.nid ?? 0)) return
    const entry = this.#entryOf(node, tail)
    if (tail === undefined || tail.entries.length >= stretchEntriesMax) {
      tail = { keyNid, firstNid: node.nid, entries: [] }
      this.#tails.set(keyNid, tail)
    }
    tail.entries.push(entry)
    this.#changed.add(tail)
    this.#placed.set(node.nid, entry)
  }

  /** The rows that are new or changed. */
  rows(): AuthStretchRow[] {
    return [...this.#changed].map(({ keyNid, firstNid, entries }) => ({
      roomNid: this.#roomNid,
      keyNid,
      firstNid,
      entries: packStretch(firstNid, entries),
    }))
  }

  /** The entry of an event that comes behind `tail`. */
  #entryOf(node: AuthNode, tail: Stretch | undefined): ChainEntry {
    const { nid } = node
    const before = predecessorOf(node, this.#nodes)
    const from = tail?.entries.find((entry) => entry.nid === before)
    const isEnd =
      from !== undefined &&
      tail?.entries.every((each) => each.chain !== from.chain || each.place <= from.place) === true
    if (tail === undefined || !isEnd) return { nid, chain: nid, place: 0, links: node.authNids }
    const { chain } = from
    const place = from.place + 1
    const known = linksUpTo(tail, from)
    const added = node.authNids.filter((authNid) => authNid !== before && !known.includes(authNid))
    if (tail.entries.length < stretchEntriesMax) return { nid, chain, place, links: added }
    return { nid, chain, place, links: this.#furthest([...known, ...added]) }
  }

  /** Of links into one chain only the one that reaches furthest, as far as the index tells. */
  #furthest(links: readonly number[]): number[] {
    const kept = new Map<number, { place: number; nid: number }>()
    const rest: number[] = []
    for (const nid of links) {
      const entry = this.#placed.get(nid) ?? this.#nodes.get(nid)?.place?.entry
      if (entry === undefined) rest.push(nid)
      else if ((kept.get(entry.chain)?.place ?? -1) < entry.place) kept.set(entry.chain, { place: entry.place, nid })
    }
    return [...rest, ...[...kept.values()].map((each) => each.nid)]
  }
}
