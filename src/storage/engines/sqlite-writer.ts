import { AsyncLocalStorage } from 'node:async_hooks'

import { type Clock } from '#base/clock.ts'

import { DatabaseError } from '../database-error.ts'
import { type Transaction } from '../transaction.ts'
import { insideInteraction } from './interaction-scope.ts'
import { type SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'

/** Interactions that share one commit at most. */
const groupInteractionsMax = 512
/** Time after which a group takes no further interaction, so that the first does not wait long for the last. */
const groupMsMax = 20

/** An interaction that holds the writer this long waits for something else than its transaction, perhaps for itself. */
const heldMsMax = 10_000

interface Job {
  readonly name: string
  readonly fn: (txn: Transaction) => Promise<unknown>
  /** Runs something in the asynchronous context of whoever asked for the interaction. */
  readonly inContext: <R>(fn: () => R) => R
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Finished {
  readonly job: Job
  readonly txn: SqliteTransaction
  readonly value: unknown
}

/**
 * The single writer of an SQLite file. Interactions that wait at the same time share one transaction and so one wait for
 * the disk. A failed interaction is rolled back alone, to a savepoint; a failed commit fails all that shared it.
 */
export class SqliteWriter {
  readonly #connection: SqliteConnection
  readonly #clock: Clock
  readonly #report: (error: unknown, interaction: string) => void
  #queue: Job[] = []
  #busy = false
  #idle: (() => void)[] = []

  constructor(
    connection: SqliteConnection,
    deps: { readonly clock: Clock; readonly report: (error: unknown, interaction: string) => void },
  ) {
    this.#connection = connection
    this.#clock = deps.clock
    this.#report = deps.report
  }

  /** Queues an interaction; settles once it is durable or has failed. */
  run<T>(name: string, fn: (txn: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const inContext = AsyncLocalStorage.snapshot()
      this.#queue.push({ name, fn, inContext, resolve: resolve as (value: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Waits until nothing is queued or under way. */
  async drained(): Promise<void> {
    while (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** The group starts when this turn of the event loop is over, so that all the turn's interactions are in it. */
  #schedule(): void {
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => void this.#runGroup())
  }

  async #runGroup(): Promise<void> {
    const finished: Finished[] = []
    const started = this.#clock.monotonic()
    let taken = 0
    // Interactions that come while the group runs join it: the queue may grow during the loop.
    for (const job of this.#queue) {
      if (taken === groupInteractionsMax || (taken > 0 && this.#clock.monotonic() - started > groupMsMax)) break
      taken += 1
      await this.#runJob(job, finished)
    }
    this.#queue = this.#queue.slice(taken)
    this.#commit(finished)
    this.#busy = false
    if (this.#queue.length > 0) this.#schedule()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Runs one interaction and adds it to `finished`, or rejects it and leaves no trace of it in the transaction. */
  async #runJob(job: Job, finished: Finished[]): Promise<void> {
    const txn = new SqliteTransaction(job.name, this.#connection)
    // The first in a transaction needs no savepoint: there is nobody else's work to keep.
    const alone = finished.length === 0
    const held = setTimeout(() => this.#report(heldTooLong(job.name), job.name), heldMsMax)
    try {
      this.#connection.run(alone ? 'BEGIN IMMEDIATE' : 'SAVEPOINT interaction', [])
      const value = await job.inContext(() => insideInteraction(job.name, () => job.fn(txn)))
      txn.state.end()
      if (txn.state.failure !== undefined) throw txn.state.failure
      if (!this.#connection.inTransaction) throw new DatabaseError('other', 'SQLite rolled the transaction back')
      if (!alone) this.#connection.run('RELEASE interaction', [])
      finished.push({ job, txn, value })
    } catch (error) {
      txn.state.end()
      this.#undo(alone, finished)
      job.reject(error)
    } finally {
      clearTimeout(held)
    }
  }

  /** Takes the work of the interaction that failed out of the transaction. */
  #undo(alone: boolean, finished: Finished[]): void {
    try {
      // Some errors (disk full, input or output) make SQLite roll back everything by itself.
      if (this.#connection.inTransaction) {
        this.#connection.run(alone ? 'ROLLBACK' : 'ROLLBACK TO interaction', [])
        if (!alone) this.#connection.run('RELEASE interaction', [])
        return
      }
    } catch (error) {
      this.#report(error, 'rollback')
      if (this.#connection.inTransaction) this.#connection.run('ROLLBACK', [])
    }
    const lost = new DatabaseError('other', 'the transaction was lost with another interaction that shared its commit')
    for (const { job } of finished.splice(0)) job.reject(lost)
  }

  #commit(finished: readonly Finished[]): void {
    if (finished.length === 0) return
    try {
      this.#connection.run('COMMIT', [])
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.run('ROLLBACK', [])
      for (const { job } of finished) job.reject(error)
      return
    }
    for (const { job, txn, value } of finished) {
      job.inContext(() => txn.state.committed((error) => this.#report(error, job.name)))
      job.resolve(value)
    }
  }
}

function heldTooLong(name: string): DatabaseError {
  const seconds = heldMsMax / 1000
  return new DatabaseError('usage', `interaction ${name} has held the writer for ${seconds} s: what does it wait for?`)
}
