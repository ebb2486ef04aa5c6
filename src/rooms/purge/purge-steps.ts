import type { Clock } from '#base/clock.ts'
import { SmallSteps } from '#storage/small-steps.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

/** A purge has not ended because the server closes. It goes on after the next start. */
export class PurgeStopped extends Error {}

/** The transactions of one purge. */
export class PurgeSteps {
  readonly #steps: SmallSteps
  readonly #signal: AbortSignal

  constructor(deps: { readonly database: Database; readonly clock: Clock; readonly signal: AbortSignal }) {
    this.#steps = new SmallSteps(deps)
    this.#signal = deps.signal
  }

  /**
   * Takes step after step until one gives undefined; each is told what the one before it gave. `size` is about how many
   * rows it should delete.
   * @throws PurgeStopped when the server closes.
   */
  async untilNothing<T>(
    name: string,
    step: (txn: Transaction, before: T | undefined, size: number) => Promise<T | undefined>,
  ): Promise<void> {
    let before: T | undefined
    for (;;) {
      if (this.#signal.aborted) throw new PurgeStopped('the server closes')
      const last = before
      before = await this.#steps.take(name, (txn, size) => step(txn, last, size))
      if (before === undefined) return
      await this.#steps.rest(this.#signal)
    }
  }
}
