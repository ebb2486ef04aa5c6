import type { AuthNodes } from './auth-nodes.ts'
import type { Cover } from './covers.ts'

/**
 * The conflicted state subgraph of room version 12: the events on paths of the auth graph from one of `conflicted` to
 * another, these included. `cover` is that of them all. `isOrdered`: events have larger numbers than what authorizes them,
 * so that nothing before the first of them is looked at. One query more than finding the cover.
 * https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export async function subgraphOf(
  nodes: AuthNodes,
  cover: Cover,
  of: { readonly conflicted: ReadonlySet<number>; readonly isOrdered: boolean },
): Promise<Set<number>> {
  const from = of.isOrdered ? Math.min(...of.conflicted) : 0
  const authorizes = await edgesWithin(nodes, cover, from)
  const reaching = new Set(of.conflicted)
  // A set is walked in the order in which it grows, so that it is its own queue.
  for (const nid of reaching) for (const next of authorizes.get(nid) ?? []) reaching.add(next)
  return reaching
}

/** Which events of a cover each of them authorizes, directly or through what the index leaves out; from a number on. */
async function edgesWithin(nodes: AuthNodes, cover: Cover, from: number): Promise<Map<number, number[]>> {
  const authorizes = new Map<number, number[]>()
  const add = (nid: number, authNid: number): void => {
    const known = authorizes.get(authNid)
    if (known === undefined) authorizes.set(authNid, [nid])
    else known.push(nid)
  }
  for (const nid of cover.loose) {
    if (nid >= from) for (const authNid of nodes.get(nid)?.authNids ?? []) add(nid, authNid)
  }
  const keyNids = new Set<number>()
  let to = 0
  for (const { nid } of cover.reach.values()) {
    const stretch = nodes.get(nid)?.place?.stretch
    if (stretch === undefined || nid < from) continue
    keyNids.add(stretch.keyNid)
    to = Math.max(to, stretch.firstNid)
  }
  if (keyNids.size === 0) return authorizes
  const places = new Map<number, number>()
  for (const { entries } of await nodes.stretchesFrom([...keyNids], from, to)) {
    for (const { nid, chain, place, links } of entries) {
      if (nid < from || place > (cover.reach.get(chain)?.place ?? -1)) continue
      for (const link of links) add(nid, link)
      const before = places.get(chain)
      if (before !== undefined) add(nid, before)
      places.set(chain, nid)
    }
  }
  return authorizes
}
