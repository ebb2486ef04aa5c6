import type { Clock } from '#base/clock.ts'

import { DatabaseError } from '../database-error.ts'
import type { InteractionState } from './interaction-scope.ts'

/** How often it looks, at most. */
const lookMsMax = 1_000

interface Watched {
  readonly state: InteractionState
  readonly giveUp: (error: DatabaseError) => void
}

/**
 * Ends interactions in which nothing has happened for too long: the body waits for something else than its transaction,
 * or the database does not answer. One timer for all of them, and none while there are none.
 */
export class Watchdog {
  readonly #clock: Clock
  readonly #quietMsMax: number
  readonly #all = new Set<Watched>()
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock, quietMsMax: number) {
    this.#clock = clock
    this.#quietMsMax = quietMsMax
  }

  /** Gives what `body` gives, or fails with a DatabaseError `timeout` once `state` has been quiet for too long. */
  watch<T>(state: InteractionState, body: () => Promise<T>, mayTakeLong = false): Promise<T> {
    if (mayTakeLong) return body()
    state.touchedAt = this.#clock.monotonic()
    return new Promise<T>((resolve, reject) => {
      const watched = { state, giveUp: reject }
      this.#all.add(watched)
      this.#timer ??= setInterval(() => this.#look(), Math.min(lookMsMax, this.#quietMsMax / 2)).unref()
      body().then(
        (value) => {
          this.#all.delete(watched)
          resolve(value)
        },
        (error: unknown) => {
          this.#all.delete(watched)
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it came
          reject(error)
        },
      )
    })
  }

  /** Stops looking. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    if (this.#all.size === 0) return this.stop()
    const now = this.#clock.monotonic()
    for (const watched of this.#all) {
      if (now - watched.state.touchedAt <= this.#quietMsMax) continue
      this.#all.delete(watched)
      const seconds = this.#quietMsMax / 1000
      watched.giveUp(
        new DatabaseError(
          'timeout',
          `interaction ${watched.state.name} was given up: nothing has happened in it for ${seconds} s`,
        ),
      )
    }
  }
}
