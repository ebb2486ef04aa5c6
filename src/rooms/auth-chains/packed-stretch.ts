import { packNids, unpackNids } from '#storage/packed-nids.ts'

/** An event in the index: its place in a chain, and what leads from there to other chains. */
export interface ChainEntry {
  readonly nid: number
  /** The chain, by the event it begins with. */
  readonly chain: number
  /** How many events of the chain lie before it. */
  readonly place: number
  /**
   * Events outside the chain that it reaches and the chain's earlier entries in this stretch do not. The first entry of a
   * chain in a stretch says all that those before it reach, too.
   */
  readonly links: readonly number[]
}

/**
 * Packs a stretch: for each entry the gap to the one before it, how many links it has and whether it simply goes on, as
 * variable-length integers of 7 bits a byte; where it does not, its chain and its place; its links as distances.
 * `entries` are by ascending number.
 */
export function packStretch(firstNid: number, entries: readonly ChainEntry[]): Uint8Array {
  const bytes: number[] = []
  let previous: ChainEntry = { nid: firstNid, chain: 0, place: -1, links: [] }
  for (const entry of entries) {
    const goesOn = entry.chain === previous.chain && entry.place === previous.place + 1
    put(bytes, entry.nid - previous.nid)
    put(bytes, entry.links.length * 2 + (goesOn ? 0 : 1))
    if (!goesOn) {
      put(bytes, entry.nid - entry.chain)
      put(bytes, entry.place)
    }
    for (const byte of packNids(entry.nid, entry.links) ?? []) bytes.push(byte)
    previous = entry
  }
  return Uint8Array.from(bytes)
}

/** The entries of a packed stretch. Throws Error when the bytes end in the middle of one. */
export function unpackStretch(firstNid: number, bytes: Uint8Array): ChainEntry[] {
  const entries: ChainEntry[] = []
  let at = 0
  const take = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('a stretch of an auth chain ends in the middle of a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  let nid = firstNid
  let chain = 0
  let place = -1
  while (at < bytes.length) {
    nid += take()
    const tag = take()
    if (tag % 2 === 1) {
      chain = nid - take()
      place = take()
    } else place += 1
    const begin = at
    for (let count = Math.floor(tag / 2); count > 0; count--) take()
    const links = at === begin ? none : unpackNids(nid, bytes.subarray(begin, at))
    entries.push({ nid, chain, place, links })
  }
  return entries
}

const none: readonly number[] = []

function put(bytes: number[], number: number): void {
  let value = number
  while (value >= 0x80) {
    bytes.push((value % 0x80) | 0x80)
    value = Math.floor(value / 0x80)
  }
  bytes.push(value)
}
