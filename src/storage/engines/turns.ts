import type { Asker } from '#observability/asker.ts'

import { tooBusy } from './too-busy.ts'

/** Who waits beyond this number is turned away at once. */
const waitingMaxDefault = 5_000

interface Waiter {
  readonly begin: () => void
}

export interface TurnsOptions {
  /** How many may be under way at once. */
  readonly size: number
  /** Milliseconds that one waits at most. */
  readonly waitMsMax: number
  readonly waitingMax?: number
}

/** A fair, bounded queue for a number of places: first come, first served; whoever waits too long is told to come again. */
export class Turns {
  readonly size: number
  readonly #waitMsMax: number
  readonly #waitingMax: number
  /** In order of arrival; one that gives up leaves from the middle in constant time. */
  readonly #waiting = new Set<Waiter>()
  #inUse = 0
  #refused = 0

  constructor(options: TurnsOptions) {
    this.size = options.size
    this.#waitMsMax = options.waitMsMax
    this.#waitingMax = options.waitingMax ?? waitingMaxDefault
  }

  /** How many are under way. */
  get inUse(): number {
    return this.#inUse
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How many have been turned away since the start. */
  get refused(): number {
    return this.#refused
  }

  /** Takes a place without waiting; false when all are taken. Throws the reason of the asker's signal when they have gone. */
  tryTake(asker?: Asker): boolean {
    if (asker?.gone === true) throw asker.signal.reason
    if (this.#inUse >= this.size) return false
    this.#inUse += 1
    return true
  }

  /**
   * Waits for a place; `give` has to be called for it afterwards.
   * @throws MatrixError 503 when too many wait or it takes too long; the reason of the asker's signal when they go.
   */
  async take(asker?: Asker): Promise<void> {
    if (this.tryTake(asker)) return
    return this.#wait(asker?.signal)
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#waitingMax) {
      this.#refused += 1
      return Promise.reject(tooBusy())
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        this.#waiting.delete(waiter)
      }
      const waiter: Waiter = {
        begin: () => {
          leave()
          resolve()
        },
      }
      const abort = (): void => {
        leave()
        reject(signal?.reason as Error)
      }
      const timer = setTimeout(() => {
        leave()
        this.#refused += 1
        reject(tooBusy())
      }, this.#waitMsMax)
      signal?.addEventListener('abort', abort)
      this.#waiting.add(waiter)
    })
  }

  /** Gives a place back, to whoever has waited longest. */
  give(): void {
    for (const next of this.#waiting) {
      next.begin()
      return
    }
    this.#inUse -= 1
  }
}
