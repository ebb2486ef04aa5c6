import { AsyncLocalStorage } from 'node:async_hooks'

/** Somebody who waits for an answer, and may stop doing so. */
export interface Asker {
  /** True once they wait no more and what they asked for need not be done. */
  readonly gone: boolean
  /** Aborted when they are gone, with the error that ends what is done for them. Made when first asked for. */
  readonly signal: AbortSignal
  /** What they asked for has begun to be written, or others wait for it too: from now on it is done in any case. */
  keep(): void
}

const askers = new AsyncLocalStorage<Asker | undefined>()

/**
 * Runs what is done for `asker` alone. When the asker goes before anything has been written, its waits end with the
 * reason of the signal. What several may come to wait for steps out of this with `forEverybody`.
 */
export function askedBy<T>(asker: Asker, task: () => T): T {
  return askers.run(asker, task)
}

/** Runs work that others may be waiting for too, or will be: it goes on when the one who began it has gone. */
export function forEverybody<T>(task: () => T): T {
  return askers.getStore() === undefined ? task() : askers.run(undefined, task)
}

/** For whom alone the running code works; undefined when it must not end with any one asker. */
export function currentAsker(): Asker | undefined {
  return askers.getStore()
}

/** An asker who is gone when `signal` is aborted. */
export function askerOf(signal: AbortSignal): Asker {
  return {
    get gone() {
      return signal.aborted
    },
    signal,
    keep: () => undefined,
  }
}

/** Waits for what is done for everybody, unless the asker of the running code goes meanwhile: then it throws why. */
export function whileAsked<T>(work: Promise<T>): Promise<T> {
  const signal = askers.getStore()?.signal
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave)
    const over = (): void => signal.removeEventListener('abort', leave)
    work.finally(over).then(resolve, reject)
  })
}
