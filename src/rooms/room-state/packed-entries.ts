/**
 * A part of a room's state as bytes: pairs of (key nid, event nid) by ascending key, each key as the gap to the one
 * before it and both as variable-length integers of 7 bits a byte. An event nid of 0 stands for "no event": a key that
 * a delta takes away.
 */
export type Entries = ReadonlyMap<number, number>

const bytesPerEntryMax = 16

/** Packs entries in any order; `undefined` values never occur. Linear, after a sort. */
export function packEntries(entries: Entries): Uint8Array {
  const keys = [...entries.keys()].sort((a, b) => a - b)
  const bytes = new Uint8Array(keys.length * bytesPerEntryMax)
  let length = 0
  let previousKey = 0
  const put = (value: number): void => {
    while (value >= 0x80) {
      bytes[length++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    bytes[length++] = value
  }
  for (const key of keys) {
    put(key - previousKey)
    put(entries.get(key) ?? 0)
    previousKey = key
  }
  return bytes.slice(0, length)
}

/** Calls `visit` for each packed pair, by ascending key. */
export function visitPacked(bytes: Uint8Array, visit: (keyNid: number, eventNid: number) => void): void {
  let key = 0
  let isKey = true
  let value = 0
  let scale = 1
  // An index loop and no inner function: a room's whole state passes through here.
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * scale
    if (byte >= 0x80) {
      scale *= 0x80
      continue
    }
    if (isKey) key += value
    else visit(key, value)
    isKey = !isKey
    value = 0
    scale = 1
  }
  if (!isKey || scale !== 1) throw new Error('a packed state ends in the middle of a number')
}

/** The pairs of packed bytes as a map. */
export function unpackEntries(bytes: Uint8Array): Map<number, number> {
  const entries = new Map<number, number>()
  visitPacked(bytes, (keyNid, eventNid) => entries.set(keyNid, eventNid))
  return entries
}
