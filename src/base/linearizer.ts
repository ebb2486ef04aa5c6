interface Waiter {
  readonly begin: () => void
}

/**
 * Runs tasks one at a time for each key, in the order in which they were handed in; different keys do not wait for
 * each other. A failed task does not stop the ones behind it.
 */
export class Linearizer<Key> {
  /** Keys with a task under way, and who waits behind it; one that gives up leaves from the middle in constant time. */
  readonly #waiting = new Map<Key, Set<Waiter>>()

  /**
   * Runs `task` when all earlier tasks of `key` have ended; gives what it gives. `signal` ends the wait for its turn,
   * with the signal's reason; a task that has begun goes on.
   */
  async run<T>(key: Key, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) this.#waiting.set(key, new Set())
    else await turn(waiting, signal)
    try {
      return await task()
    } finally {
      this.#next(key)
    }
  }

  /** How many keys have work under way. */
  get size(): number {
    return this.#waiting.size
  }

  #next(key: Key): void {
    const waiting = this.#waiting.get(key)
    for (const waiter of waiting ?? []) {
      waiting?.delete(waiter)
      waiter.begin()
      return
    }
    this.#waiting.delete(key)
  }
}

function turn(waiting: Set<Waiter>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      waiting.delete(waiter)
      reject(signal?.reason as Error)
    }
    const waiter = {
      begin: () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      },
    }
    signal?.addEventListener('abort', leave)
    waiting.add(waiter)
  })
}
