import { linksUpTo, predecessorOf, type AuthNode, type AuthNodes } from './auth-nodes.ts'

/**
 * For some events of one key, and for those at which their lines meet: the next of them that each stands on, along auth
 * events of that key. What lies between is left out: lines of a hundred thousand power levels cost no more than
 * short ones. Two queries for each change of chain.
 */
export async function linesOf(nodes: AuthNodes, eventNids: Iterable<number>): Promise<Map<number, number | undefined>> {
  const above = new Map<number, number | undefined>()
  const byChain = new Map<number, AuthNode[]>()
  let wanted = [...new Set(eventNids)]
  while (wanted.length > 0) {
    await nodes.load(wanted)
    const found = wanted.flatMap((nid) => nodes.get(nid) ?? [])
    await nodes.load(found.flatMap((node) => [...node.authNids, ...linksOf(node)]))
    const next = new Set<number>()
    for (const node of found) {
      const before = beyondItsChain(node, nodes)
      if (before !== undefined && !above.has(before)) next.add(before)
      above.set(node.nid, before)
      if (node.place === undefined) continue
      const { chain } = node.place.entry
      const known = byChain.get(chain)
      if (known === undefined) byChain.set(chain, [node])
      else known.push(node)
    }
    wanted = [...next].filter((nid) => !above.has(nid))
  }
  for (const chain of byChain.values()) {
    chain.sort((a, b) => (a.place?.entry.place ?? 0) - (b.place?.entry.place ?? 0))
    for (const [index, node] of chain.entries()) if (index > 0) above.set(node.nid, chain[index - 1]?.nid)
  }
  return above
}

function linksOf({ place }: AuthNode): readonly number[] {
  return place === undefined ? [] : linksUpTo(place.stretch, place.entry)
}

/** The event of the same key that an event stands on, or for one in a chain, the one that its chain begins upon. */
function beyondItsChain(node: AuthNode, nodes: AuthNodes): number | undefined {
  if (node.place === undefined) return predecessorOf(node, nodes)
  return linksOf(node).find((nid) => nodes.get(nid)?.keyNid === node.keyNid)
}
