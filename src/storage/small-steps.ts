import { setTimeout as delay } from 'node:timers/promises'

import type { Clock } from '#base/clock.ts'
import { StepSize } from '#base/step-size.ts'

import type { Database, Transaction } from './transaction.ts'

/** How long a step should take, its commit included: whoever writes waits for the step that is under way. */
const stepMsAim = 5
/** Rows that one step takes in at most. */
const stepRowsMax = 2_000
/** The rest after a step is as long as the step was, times this; during it others write without any wait. */
const restShare = 3
const restMsMin = 2

/** Long work on the database in small transactions between those of others, each as large as the ones before were quick. */
export class SmallSteps {
  readonly #database: Database
  readonly #clock: Clock
  readonly #size = new StepSize({ aimMs: stepMsAim, max: stepRowsMax })
  #tookMs = 0

  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database
    this.#clock = deps.clock
  }

  /** Does about `size` rows' worth of work in one transaction; gives what `fn` gives. Throws what `fn` throws. */
  async take<T>(name: string, fn: (txn: Transaction, size: number) => Promise<T>): Promise<T> {
    const { size } = this.#size
    // Of the last run, when there were several: with the commit, without the wait for a turn.
    let begun = 0
    const value = await this.#database.runInteraction(name, (txn) => {
      begun = this.#clock.monotonic()
      return fn(txn, size)
    })
    this.#tookMs = this.#clock.monotonic() - begun
    this.#size.took(this.#tookMs)
    return value
  }

  /** Lets others write for a while after a step. Resolves early when `signal` is aborted. */
  async rest(signal: AbortSignal): Promise<void> {
    const restMs = Math.max(restMsMin, this.#tookMs * restShare)
    await delay(restMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
