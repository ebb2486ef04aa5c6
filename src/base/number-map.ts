/** Slots that are filled before the table grows: three of four. */
const fillMax = 0.75
const slotsMin = 16
/** Largest number that fits. */
const numberMax = 0xffff_ffff

/**
 * A map from numbers to numbers, both from 1 to 2³² − 1, in two typed arrays: 11 to 21 bytes an entry where a `Map`
 * takes 40 and more, and nothing for the garbage collector to walk. Entries come in no order.
 */
export class NumberMap implements ReadonlyMap<number, number> {
  #keys: Uint32Array
  #values: Uint32Array
  #size = 0

  /** An empty map, with room for about so many entries before it has to grow. */
  constructor(expected = 0) {
    const slots = Math.max(slotsMin, 2 ** Math.ceil(Math.log2((expected + 1) / fillMax)))
    this.#keys = new Uint32Array(slots)
    this.#values = new Uint32Array(slots)
  }

  /** A map with these entries. */
  static from(entries: Iterable<readonly [number, number]>): NumberMap {
    const map = new NumberMap()
    for (const [key, value] of entries) map.set(key, value)
    return map
  }

  get size(): number {
    return this.#size
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#keys.byteLength + this.#values.byteLength
  }

  get(key: number): number | undefined {
    const slot = this.#slotOf(key)
    return this.#keys[slot] === key ? this.#values[slot] : undefined
  }

  has(key: number): boolean {
    return this.#keys[this.#slotOf(key)] === key
  }

  /** @throws RangeError for a number that does not fit. */
  set(key: number, value: number): this {
    if (!(key >= 1 && key <= numberMax && value >= 1 && value <= numberMax)) {
      throw new RangeError(`${key} → ${value} does not fit into a map of numbers`)
    }
    const slot = this.#slotOf(key)
    this.#values[slot] = value
    if (this.#keys[slot] === key) return this
    this.#keys[slot] = key
    this.#size += 1
    if (this.#size > this.#keys.length * fillMax) this.#grow()
    return this
  }

  /** Takes a key out; true when it was there. */
  delete(key: number): boolean {
    let hole = this.#slotOf(key)
    if (this.#keys[hole] !== key) return false
    const mask = this.#keys.length - 1
    // Entries that were pushed on past the hole move up, so that no search ends too early.
    for (let slot = (hole + 1) & mask; this.#keys[slot] !== 0; slot = (slot + 1) & mask) {
      const home = firstSlot(this.#keys[slot] ?? 0, mask)
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      this.#keys[hole] = this.#keys[slot] ?? 0
      this.#values[hole] = this.#values[slot] ?? 0
      hole = slot
    }
    this.#keys[hole] = 0
    this.#size -= 1
    return true
  }

  *entries(): MapIterator<[number, number]> {
    const keys = this.#keys
    const values = this.#values
    for (const [slot, key] of keys.entries()) if (key !== 0) yield [key, values[slot] ?? 0]
  }

  *keys(): MapIterator<number> {
    for (const key of this.#keys) if (key !== 0) yield key
  }

  *values(): MapIterator<number> {
    const values = this.#values
    for (const [slot, key] of this.#keys.entries()) if (key !== 0) yield values[slot] ?? 0
  }

  [Symbol.iterator](): MapIterator<[number, number]> {
    return this.entries()
  }

  forEach(visit: (value: number, key: number, map: ReadonlyMap<number, number>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }

  #slotOf(key: number): number {
    const mask = this.#keys.length - 1
    let slot = firstSlot(key, mask)
    while (this.#keys[slot] !== key && this.#keys[slot] !== 0) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const keys = this.#keys
    const values = this.#values
    this.#keys = new Uint32Array(keys.length * 2)
    this.#values = new Uint32Array(values.length * 2)
    for (let from = 0; from < keys.length; from += 1) {
      const key = keys[from] ?? 0
      if (key === 0) continue
      const slot = this.#slotOf(key)
      this.#keys[slot] = key
      this.#values[slot] = values[from] ?? 0
    }
  }
}

/** Spreads neighbouring numbers: keys of one room are often given out one after another. */
function firstSlot(key: number, mask: number): number {
  return (Math.imul(key, 0x9e37_79b1) >>> 7) & mask
}
