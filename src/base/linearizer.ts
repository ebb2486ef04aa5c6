/**
 * Runs tasks one at a time for each key, in the order in which they were handed in; different keys do not wait for
 * each other. A failed task does not stop the ones behind it.
 */
export class Linearizer<Key> {
  readonly #tails = new Map<Key, Promise<unknown>>()

  /** Runs `task` when all earlier tasks of `key` have ended; gives what it gives. */
  run<T>(key: Key, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const result = before === undefined ? task() : before.then(task, task)
    this.#tails.set(key, result)
    const forget = (): void => {
      if (this.#tails.get(key) === result) this.#tails.delete(key)
    }
    result.then(forget, forget)
    return result
  }

  /** How many keys have work under way. */
  get size(): number {
    return this.#tails.size
  }
}
