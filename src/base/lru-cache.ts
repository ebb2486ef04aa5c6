import { nameCache } from './named-caches.ts'

/**
 * A map that forgets what was used longest ago once it holds more than `limit` entries. Constant time. As long as it is at
 * most half full a use moves nothing, which is most of its cost: what was not used since counts by when it was set.
 */
export class LruCache<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #limit: number
  #hits = 0
  #misses = 0
  #evictions = 0

  /** `name` (snake_case) makes it known to the metrics. */
  constructor(limit: number, name?: string) {
    this.#limit = limit
    if (name !== undefined) nameCache(name, this)
  }

  /** The value of `key`, which thereby counts as just used; undefined when it is not held. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) {
      this.#misses += 1
      return undefined
    }
    this.#hits += 1
    if (this.#entries.size > this.#limit / 2) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  /** Holds `value` under `key`, and forgets the entry used longest ago if there are now too many. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#limit) {
      for (const oldest of this.#entries.keys()) {
        this.#evictions += 1
        this.#entries.delete(oldest)
        break
      }
    }
  }

  /** Forgets `key`. */
  delete(key: Key): void {
    this.#entries.delete(key)
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear()
  }

  /** How often something was asked for and held. */
  get hits(): number {
    return this.#hits
  }

  /** How often something was asked for and not held. */
  get misses(): number {
    return this.#misses
  }

  /** How many entries were forgotten to make room. */
  get evictions(): number {
    return this.#evictions
  }

  /** How many entries are held. */
  get size(): number {
    return this.#entries.size
  }
}
