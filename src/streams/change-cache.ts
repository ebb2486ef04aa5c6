/** How many rooms or users one stream remembers the last change of. */
const entriesMax = 50_000

/**
 * The position of the last change of each key, as far back as memory reaches. It answers "nothing changed" without a
 * query, and "perhaps" for what lies further back.
 */
export class ChangeCache<Key> {
  /** Ordered by when the change was recorded. */
  readonly #last = new Map<Key, number>()
  readonly #limit: number
  /** Changes at or before this may have been forgotten. */
  #floor: number

  /** `start`: the position before which nothing is known. */
  constructor(start: number, limit = entriesMax) {
    this.#floor = start
    this.#limit = limit
  }

  /** Notes that `key` changed at `position`. Constant time. */
  record(key: Key, position: number): void {
    const before = this.#last.get(key) ?? 0
    this.#last.delete(key)
    this.#last.set(key, Math.max(before, position))
    if (this.#last.size <= this.#limit) return
    for (const [oldest, last] of this.#last) {
      this.#last.delete(oldest)
      this.#floor = Math.max(this.#floor, last)
      break
    }
  }

  /** False when `key` surely did not change after `position`. Constant time. */
  changedSince(key: Key, position: number): boolean {
    if (position < this.#floor) return true
    const last = this.#last.get(key)
    return last !== undefined && last > position
  }
}
