import type { AuthNodes, Stretch } from './auth-nodes.ts'
import type { Cover } from './covers.ts'

/** The part of a chain after one place and up to another. */
interface Part {
  readonly chain: number
  readonly after: number
  /** The event there, or the one that the chain begins with. */
  readonly from: number
  readonly upTo: number
  /** The event there. */
  readonly to: number
}

/** All events of a cover. One query more than finding it; costs the size of the answer. */
export function eventsOf(nodes: AuthNodes, cover: Cover): Promise<Set<number>> {
  const nothing: Cover = { reach: new Map(), loose: new Set(), complete: true }
  return differenceOf(nodes, [cover, nothing])
}

/**
 * The events that are in some covers, but not in all. One query more than finding the covers; costs the size of the
 * answer, and for chains that differ by more than a stretch, what lies between the oldest and the newest of them.
 */
export async function differenceOf(nodes: AuthNodes, covers: readonly Cover[]): Promise<Set<number>> {
  const difference = new Set<number>()
  for (const cover of covers) {
    for (const nid of cover.loose) if (!covers.every((other) => other.loose.has(nid))) difference.add(nid)
  }
  const parts = differingParts(covers)
  const stretches = await stretchesOf(nodes, parts)
  const byChain = new Map(parts.map((part) => [part.chain, part]))
  for (const { entries } of stretches) {
    for (const { nid, chain, place } of entries) {
      const part = byChain.get(chain)
      if (part !== undefined && place > part.after && place <= part.upTo) difference.add(nid)
    }
  }
  return difference
}

function differingParts(covers: readonly Cover[]): Part[] {
  const parts: Part[] = []
  const chains = new Set(covers.flatMap((cover) => [...cover.reach.keys()]))
  for (const chain of chains) {
    const reached = covers.map(({ reach }) => reach.get(chain) ?? { place: -1, nid: chain })
    const least = reached.reduce((a, b) => (b.place < a.place ? b : a))
    const most = reached.reduce((a, b) => (b.place > a.place ? b : a))
    if (least.place < most.place)
      parts.push({ chain, after: least.place, from: least.nid, upTo: most.place, to: most.nid })
  }
  return parts
}

/** The stretches that hold these parts: those of their ends, and what lies between if more is needed. */
async function stretchesOf(nodes: AuthNodes, parts: readonly Part[]): Promise<Set<Stretch>> {
  // The ends have been visited, but for the beginnings of chains.
  await nodes.load(parts.map((part) => part.from))
  const stretches = new Set<Stretch>()
  const keyNids = new Set<number>()
  let from = Infinity
  let to = 0
  for (const part of parts) {
    const begin = nodes.get(part.from)?.place?.stretch
    const end = nodes.get(part.to)?.place?.stretch
    if (begin === undefined || end === undefined) continue
    stretches.add(begin).add(end)
    const first = end.entries.find((entry) => entry.chain === part.chain)
    if (begin === end || first === undefined || first.place <= part.after + 1) continue
    keyNids.add(end.keyNid)
    from = Math.min(from, begin.firstNid + 1)
    to = Math.max(to, end.firstNid - 1)
  }
  if (from <= to) for (const stretch of await nodes.stretchesBetween([...keyNids], from, to)) stretches.add(stretch)
  return stretches
}
