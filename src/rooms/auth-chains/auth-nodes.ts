import {
  authEdges,
  authStretches,
  authStretchesBetween,
  authStretchesFrom,
  type AuthEdgesRow,
  type AuthStretchRow,
} from '#storage/auth-chains.ts'
import type { Transaction } from '#storage/transaction.ts'
import { unpackStretch, type ChainEntry } from './packed-stretch.ts'

/** A stretch of the index in memory. */
export interface Stretch {
  readonly keyNid: number
  readonly firstNid: number
  readonly entries: readonly ChainEntry[]
}

/** An event, what authorizes it, and its place in the index if it has one. */
export interface AuthNode {
  readonly nid: number
  readonly keyNid: number | null
  readonly authNids: readonly number[]
  readonly incomplete: boolean
  readonly place: { readonly stretch: Stretch; readonly entry: ChainEntry } | undefined
}

/** What has been read of a room's auth graph and of its index, within one transaction. */
export class AuthNodes {
  readonly #txn: Transaction
  readonly #roomNid: number
  readonly #nodes = new Map<number, AuthNode>()
  /** By the events they begin with. */
  readonly #stretches = new Map<number, Stretch>()

  constructor(txn: Transaction, roomNid: number) {
    this.#txn = txn
    this.#roomNid = roomNid
  }

  /** Reads those of these events that have not been read: two queries at most. Events of other rooms count as unknown. */
  async load(nids: Iterable<number>): Promise<void> {
    const unread = [...new Set(nids)].filter((nid) => !this.#nodes.has(nid))
    if (unread.length === 0) return
    const rows = (await authEdges(this.#txn, unread)).filter((row) => row.roomNid === this.#roomNid)
    await this.#loadStretchesOf(rows)
    for (const { eventNid, keyNid, authNids, incomplete, stretchNid } of rows) {
      const stretch = stretchNid === null ? undefined : this.#stretches.get(stretchNid)
      const entry = stretch?.entries.find(({ nid }) => nid === eventNid)
      const place = stretch === undefined || entry === undefined ? undefined : { stretch, entry }
      this.#nodes.set(eventNid, { nid: eventNid, keyNid, authNids, incomplete: incomplete === 1, place })
    }
  }

  /** An event that has been read; undefined when there is none. */
  get(nid: number): AuthNode | undefined {
    return this.#nodes.get(nid)
  }

  /** The stretches of these keys that begin with an event from `from` to `to`: one query. */
  async stretchesBetween(keyNids: readonly number[], from: number, to: number): Promise<Stretch[]> {
    const rows = await authStretchesBetween(this.#txn, this.#roomNid, { keyNids, from, to })
    return rows.map((row) => this.#stretches.get(row.firstNid) ?? this.#keep(row))
  }

  /** The stretches of these keys that hold events from `from` up to those that begin at `to`: one query. */
  async stretchesFrom(keyNids: readonly number[], from: number, to: number): Promise<Stretch[]> {
    const rows = await authStretchesFrom(this.#txn, this.#roomNid, { keyNids, from, to })
    return rows.map((row) => this.#stretches.get(row.firstNid) ?? this.#keep(row))
  }

  async #loadStretchesOf(rows: readonly AuthEdgesRow[]): Promise<void> {
    const wanted = rows.filter(({ stretchNid }) => stretchNid !== null && !this.#stretches.has(stretchNid))
    if (wanted.length === 0) return
    const keyNids = [...new Set(wanted.flatMap((row) => row.keyNid ?? []))]
    const firstNids = [...new Set(wanted.flatMap((row) => row.stretchNid ?? []))]
    for (const row of await authStretches(this.#txn, this.#roomNid, { keyNids, firstNids })) this.#keep(row)
  }

  #keep({ keyNid, firstNid, entries }: AuthStretchRow): Stretch {
    const stretch = { keyNid, firstNid, entries: unpackStretch(firstNid, entries) }
    this.#stretches.set(firstNid, stretch)
    return stretch
  }
}

/** The one of its auth events that an event follows under its own key: the newest, should it name several. */
export function predecessorOf(node: AuthNode, nodes: AuthNodes): number | undefined {
  let found: number | undefined
  for (const nid of node.authNids) {
    if (nodes.get(nid)?.keyNid === node.keyNid && nid < node.nid && nid > (found ?? 0)) found = nid
  }
  return found
}

/** What an event in the index reaches outside its chain, as far as its stretch says: all of it, by way of these. */
export function linksUpTo(stretch: Stretch, entry: ChainEntry): readonly number[] {
  const links: number[] = []
  for (const each of stretch.entries) {
    if (each.chain === entry.chain && each.place <= entry.place) links.push(...each.links)
  }
  return links
}
