import { nameCache } from '#base/named-caches.ts'
import type { NumberMap } from '#base/number-map.ts'

interface Held {
  readonly state: NumberMap
  bytes: number
}

/** States in memory, up to so many bytes: what was used longest ago goes first. The newest stays whatever its size. */
export class StateCache {
  readonly #held = new Map<number, Held>()
  readonly #bytesMax: number
  #bytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  /** `name` (snake_case) makes it known to the metrics. */
  constructor(bytesMax: number, name?: string) {
    this.#bytesMax = bytesMax
    if (name !== undefined) nameCache(name, this)
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /** The state held under a number, which thereby counts as just used. What is changed in it is counted at its next use. */
  get(nid: number): NumberMap | undefined {
    const held = this.#held.get(nid)
    if (held === undefined) {
      this.#misses += 1
      return undefined
    }
    this.#hits += 1
    this.set(nid, held.state)
    return held.state
  }

  /** Holds a state under a number, and lets others go if that is too much. */
  set(nid: number, state: NumberMap): void {
    this.delete(nid)
    this.#held.set(nid, { state, bytes: state.bytes })
    this.#bytes += state.bytes
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === nid) return
      this.#evictions += 1
      this.delete(oldest)
    }
  }

  /** How many states are held. */
  get size(): number {
    return this.#held.size
  }

  /** How often a state was asked for and held. */
  get hits(): number {
    return this.#hits
  }

  /** How often a state was asked for and not held. */
  get misses(): number {
    return this.#misses
  }

  /** How many states were let go to make room. */
  get evictions(): number {
    return this.#evictions
  }

  /** Lets a state go. */
  delete(nid: number): void {
    this.#bytes -= this.#held.get(nid)?.bytes ?? 0
    this.#held.delete(nid)
  }
}
