import { authStretchesOfRoom } from '#storage/auth-chains.ts'
import type { Transaction } from '#storage/transaction.ts'
import { AuthNodes } from './auth-nodes.ts'
import { unpackStretch, type ChainEntry } from './packed-stretch.ts'

/** Stretches that one look takes in. */
const stretchesAtOnce = 20

/** A chain as far as it has been checked. */
interface Checked {
  readonly nid: number
  readonly place: number
  /** All that its events name outside the chain. */
  readonly named: Set<number>
}

/**
 * Holds the index of a room's auth chains to what its events say of themselves: every chain follows auth events, what it
 * leads to is what its events name, and nothing that they name is left out. Costs the size of the index.
 */
export async function authChainFaults(txn: Transaction, roomNid: number): Promise<string[]> {
  const faults: string[] = []
  const chains = new Map<number, Checked>()
  let after = { keyNid: 0, firstNid: 0 }
  for (;;) {
    const rows = await authStretchesOfRoom(txn, roomNid, { after, limit: stretchesAtOnce })
    const last = rows.at(-1)
    if (last === undefined) return faults
    after = last
    const nodes = new AuthNodes(txn, roomNid)
    const stretches = rows.map((row) => ({ ...row, entries: unpackStretch(row.firstNid, row.entries) }))
    await nodes.load(stretches.flatMap(({ entries }) => entries.flatMap(({ nid, links }) => [nid, ...links])))
    const named = stretches.flatMap(({ entries }) => entries.flatMap(({ nid }) => nodes.get(nid)?.authNids ?? []))
    const earlier = stretches.flatMap(({ entries }) =>
      entries.flatMap(({ chain }) => [...(chains.get(chain)?.named ?? [])]),
    )
    await nodes.load([...named, ...earlier])
    for (const { keyNid, entries } of stretches) {
      const links = new Map<number, number[]>()
      for (const entry of entries) {
        const fault = faultOf(entry, { nodes, keyNid, chains, links })
        if (fault !== undefined) faults.push(`auth_chains has event ${entry.nid} under key ${keyNid}, ${fault}.`)
      }
    }
  }
}

function faultOf(
  entry: ChainEntry,
  at: {
    readonly nodes: AuthNodes
    readonly keyNid: number
    readonly chains: Map<number, Checked>
    /** By chain: what its entries in this stretch lead to. */
    readonly links: Map<number, number[]>
  },
): string | undefined {
  const { nodes, chains } = at
  const { nid, chain, place } = entry
  const node = nodes.get(nid)
  if (node?.keyNid !== at.keyNid) return 'which the room does not have'
  if (node.incomplete) return 'whose auth chain is not whole'
  const before = chains.get(chain)
  const named = before?.named ?? new Set<number>()
  const outside = node.authNids.filter((authNid) => authNid !== before?.nid)
  for (const authNid of outside) named.add(authNid)
  chains.set(chain, { nid, place, named })
  const links = [...(at.links.get(chain) ?? []), ...entry.links]
  // The first of a chain in a stretch leads to all that those before it name, too.
  const wanted = at.links.has(chain) ? outside : [...named]
  at.links.set(chain, links)
  if (place !== (before === undefined ? 0 : before.place + 1) || (place === 0 && chain !== nid))
    return `whose chain ${chain} has no place ${place}`
  if (before !== undefined && !node.authNids.includes(before.nid)) return 'which does not follow the one before it'
  const strange = links.find((link) => !named.has(link))
  if (strange !== undefined) return `which leads to ${strange} without naming it`
  const missed = wanted.find((authNid) => !leadsTo(links, authNid, nodes))
  return missed === undefined ? undefined : `which does not lead to ${missed}, which is named`
}

function leadsTo(links: readonly number[], nid: number, nodes: AuthNodes): boolean {
  if (links.includes(nid)) return true
  const wanted = nodes.get(nid)?.place?.entry
  return links.some((link) => {
    const entry = nodes.get(link)?.place?.entry
    return entry !== undefined && entry.chain === wanted?.chain && entry.place >= wanted.place
  })
}
