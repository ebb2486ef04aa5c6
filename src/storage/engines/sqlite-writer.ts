import { AsyncLocalStorage } from 'node:async_hooks'

import type { Asker } from '#observability/asker.ts'

import { DatabaseError } from '../database-error.ts'
import type { InteractionOptions, Transaction } from '../transaction.ts'
import type { EngineDeps } from './engine-deps.ts'
import { askerFor, insideInteraction } from './interaction-scope.ts'
import type { InteractionAccount } from './interaction-account.ts'
import { rehearsed } from './rehearsal.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { tooBusy } from './too-busy.ts'
import type { Watchdog } from './watchdog.ts'

/** Interactions that share one commit at most. */
const groupInteractionsMax = 512
/** Time after which a group takes no further interaction, so that the first does not wait long for the last. */
const groupMsMax = 20
/** Interactions that may wait for the writer. */
const waitingInteractionsMax = 5_000

interface Job {
  readonly name: string
  readonly fn: (txn: Transaction) => Promise<unknown>
  readonly asker: Asker | undefined
  readonly account: InteractionAccount | undefined
  readonly askedAt: number
  /** Ends its wait when the asker goes; taken off once its turn has come. */
  leave: (() => void) | undefined
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
  readonly #deps: EngineDeps
  readonly #watchdog: Watchdog
  /** In order of arrival; one whose asker goes leaves from the middle in constant time. */
  readonly #queue = new Set<Job>()
  #busy = false
  #refused = 0
  #idle: (() => void)[] = []
  /** For those who wait too long while one interaction holds the writer. */
  #limit: NodeJS.Timeout | undefined

  constructor(connection: SqliteConnection, deps: EngineDeps, watchdog: Watchdog) {
    this.#connection = connection
    this.#deps = deps
    this.#watchdog = watchdog
  }

  /** How many wait for the writer. */
  get waiting(): number {
    return this.#queue.size
  }

  /** True while it writes. */
  get busy(): boolean {
    return this.#busy
  }

  /** How many have been turned away since the start. */
  get refused(): number {
    return this.#refused
  }

  /** Queues an interaction; settles once it is durable or has failed. */
  run<T>(name: string, fn: (txn: Transaction) => Promise<T>, options: InteractionOptions): Promise<T> {
    if (this.#queue.size >= waitingInteractionsMax) {
      this.#refused += 1
      return Promise.reject(tooBusy())
    }
    return new Promise<T>((resolve, reject) => {
      const job: Job = {
        name,
        fn,
        asker: askerFor(options),
        leave: undefined,
        account: this.#deps.accounting?.open(name),
        askedAt: this.#deps.clock.monotonic(),
        inContext: AsyncLocalStorage.snapshot(),
        resolve: resolve as (value: unknown) => void,
        reject,
      }
      if (job.asker?.gone === true) {
        this.#fail(job, job.asker.signal.reason)
        return
      }
      this.#queue.add(job)
      if (this.#busy) this.#limit ??= setTimeout(() => this.#refuseLate(), this.#deps.waitMsMax).unref()
      // While it is idle, the turn comes before anybody can leave.
      if (this.#busy && job.asker !== undefined) this.#mayLeave(job, job.asker.signal)
      this.#schedule()
    })
  }

  /** Tells those who have waited too long to come again, and looks again when the next may have. */
  #refuseLate(): void {
    this.#limit = undefined
    const now = this.#deps.clock.monotonic()
    for (const job of this.#queue) {
      const restMs = job.askedAt + this.#deps.waitMsMax - now
      if (restMs > 0) {
        this.#limit = setTimeout(() => this.#refuseLate(), restMs).unref()
        return
      }
      this.#queue.delete(job)
      this.#mayBegin(job, now)
    }
  }

  #mayLeave(job: Job, signal: AbortSignal): void {
    job.leave = () => {
      this.#queue.delete(job)
      this.#fail(job, signal.reason)
    }
    signal.addEventListener('abort', job.leave)
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
    const { clock } = this.#deps
    const started = clock.monotonic()
    let taken = 0
    // Interactions that come while the group runs join it: the queue may grow during the loop.
    for (const job of this.#queue) {
      const now = clock.monotonic()
      if (taken === groupInteractionsMax || (taken > 0 && now - started > groupMsMax)) break
      taken += 1
      this.#queue.delete(job)
      if (this.#mayBegin(job, now)) await this.#runJob(job, finished)
    }
    this.#commit(finished)
    this.#busy = false
    if (this.#queue.size > 0) this.#schedule()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Whether the interaction is still wanted; when not, whoever asked for it is told so. */
  #mayBegin(job: Job, now: number): boolean {
    const { asker, leave } = job
    if (asker?.gone === true) {
      this.#fail(job, asker.signal.reason)
      return false
    }
    if (leave !== undefined) asker?.signal.removeEventListener('abort', leave)
    if (now - job.askedAt < this.#deps.waitMsMax) {
      asker?.keep()
      return true
    }
    this.#refused += 1
    this.#fail(job, tooBusy())
    return false
  }

  #fail(job: Job, error: unknown, txn?: SqliteTransaction): void {
    job.account?.ended(false)
    job.reject(this.#deps.noSpace.refusal(error))
    if (txn !== undefined) job.inContext(() => txn.state.rolledBack((fault) => this.#deps.report(fault, job.name)))
  }

  /** Runs one interaction and adds it to `finished`, or rejects it and leaves no trace of it in the transaction. */
  async #runJob(job: Job, finished: Finished[]): Promise<void> {
    const txn = new SqliteTransaction(job.name, this.#connection, job.account)
    const { state } = txn
    // The first in a transaction needs no savepoint: there is nobody else's work to keep.
    const alone = finished.length === 0
    job.account?.began()
    try {
      this.#connection.run(alone ? 'BEGIN IMMEDIATE' : 'SAVEPOINT interaction', [])
      const body = this.#deps.rehearse ? () => rehearsed(txn, job.fn) : () => job.fn(txn)
      const inside = (): Promise<unknown> => job.inContext(() => insideInteraction(job.name, body))
      const value = await this.#watchdog.watch(state, inside)
      state.end()
      if (state.failure !== undefined) throw state.failure
      if (!this.#connection.inTransaction) throw new DatabaseError('other', 'SQLite rolled the transaction back')
      if (!alone) this.#connection.run('RELEASE interaction', [])
      finished.push({ job, txn, value })
    } catch (error) {
      state.end()
      this.#undo(alone, finished, error)
      this.#fail(job, error, txn)
    }
  }

  /** Takes the work of the interaction that failed out of the transaction. */
  #undo(alone: boolean, finished: Finished[], why: unknown): void {
    try {
      // Some errors (disk full, input or output) make SQLite roll back everything by itself.
      if (this.#connection.inTransaction) {
        this.#connection.run(alone ? 'ROLLBACK' : 'ROLLBACK TO interaction', [])
        if (!alone) this.#connection.run('RELEASE interaction', [])
        return
      }
    } catch (error) {
      this.#deps.report(error, 'rollback')
      if (this.#connection.inTransaction) this.#connection.run('ROLLBACK', [])
    }
    const kind = why instanceof DatabaseError && why.kind === 'full' ? 'full' : 'other'
    const lost = new DatabaseError(kind, 'the transaction was lost with another interaction that shared its commit')
    for (const { job, txn } of finished.splice(0)) this.#fail(job, lost, txn)
  }

  #commit(finished: readonly Finished[]): void {
    if (finished.length === 0) return
    try {
      this.#connection.run('COMMIT', [])
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.run('ROLLBACK', [])
      for (const { job, txn } of finished) this.#fail(job, error, txn)
      return
    }
    for (const { job, txn, value } of finished) {
      job.account?.ended(true)
      job.inContext(() => txn.state.committed((error) => this.#deps.report(error, job.name)))
      job.resolve(value)
    }
  }
}
