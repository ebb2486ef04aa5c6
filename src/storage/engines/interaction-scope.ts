import { AsyncLocalStorage } from 'node:async_hooks'

import { type Asker, askerOf, currentAsker } from '#observability/asker.ts'

import { DatabaseError } from '../database-error.ts'
import type { InteractionOptions } from '../transaction.ts'
import type { InteractionAccount } from './interaction-account.ts'

/** The name of the interaction that the running code belongs to. */
const running = new AsyncLocalStorage<string>()

/**
 * Refuses to open interaction `name` inside another one: on SQLite it would wait for its own end, on PostgreSQL it would
 * hold two connections and could deadlock a full pool.
 */
export function refuseNested(name: string): void {
  const outer = running.getStore()
  if (outer === undefined) return
  throw new DatabaseError('usage', `interaction ${name} was started inside interaction ${outer}: pass its txn instead`)
}

/** Runs `fn` as the body of interaction `name`. */
export function insideInteraction<T>(name: string, fn: () => Promise<T>): Promise<T> {
  return running.run(name, fn)
}

/** Whose going ends the wait of an interaction; undefined when it has to be done in any case. */
export function askerFor({ signal }: InteractionOptions): Asker | undefined {
  return signal === undefined ? currentAsker() : askerOf(signal)
}

/** What an open transaction of either engine keeps besides its connection: whether it is open, and its callbacks. */
export class InteractionState {
  readonly name: string
  readonly account: InteractionAccount | undefined
  /** When something last happened in it, on the monotonic clock. */
  touchedAt = 0
  #open = true
  #failure: DatabaseError | undefined
  #afterCommit: (() => void)[] | undefined
  #afterRollback: (() => void)[] | undefined

  constructor(name: string, account: InteractionAccount | undefined) {
    this.name = name
    this.account = account
  }

  /** Throws when the transaction has ended. */
  checkOpen(): void {
    if (this.#open) return
    throw new DatabaseError('usage', `interaction ${this.name} used its transaction after its end: await every call`)
  }

  /** From now on every call on the transaction is an error. */
  end(): void {
    this.#open = false
  }

  /** Notes that a statement has failed and gives its error back: the transaction can only be rolled back now. */
  spoil(error: unknown): DatabaseError {
    const failure = error instanceof DatabaseError ? error : new DatabaseError('other', 'it failed', { cause: error })
    this.#failure ??= failure
    return failure
  }

  /** The error of the first statement that failed, also when the body went on without letting it out. */
  get failure(): DatabaseError | undefined {
    return this.#failure
  }

  /** Keeps `callback` for the moment after the commit. */
  addAfterCommit(callback: () => void): void {
    this.checkOpen()
    this.#afterCommit ??= []
    this.#afterCommit.push(callback)
  }

  /** Keeps `callback` for the moment when it is sure that nothing will be committed. */
  addAfterRollback(callback: () => void): void {
    this.checkOpen()
    this.#afterRollback ??= []
    this.#afterRollback.push(callback)
  }

  /** Drops the callbacks: what ran was only a rehearsal. */
  forgetCallbacks(): void {
    this.#afterCommit = undefined
    this.#afterRollback = undefined
  }

  /** Runs the after-commit callbacks once, in order; one that throws is told to `report` and stops no other. */
  committed(report: (error: unknown) => void): void {
    this.#finish(this.#afterCommit, report)
  }

  /** Runs the after-rollback callbacks once, in order; one that throws is told to `report` and stops no other. */
  rolledBack(report: (error: unknown) => void): void {
    this.#finish(this.#afterRollback, report)
  }

  #finish(callbacks: (() => void)[] | undefined, report: (error: unknown) => void): void {
    if (callbacks === undefined) return
    this.forgetCallbacks()
    for (const callback of callbacks) {
      try {
        callback()
      } catch (error) {
        report(error)
      }
    }
  }
}
