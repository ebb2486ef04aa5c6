import { setTimeout as delay } from 'node:timers/promises'

import { type Random, systemRandom } from '#base/random.ts'
import type { Asker } from '#observability/asker.ts'

import { DatabaseError } from '../database-error.ts'
import type { InteractionOptions, OpenDatabase, PoolFigures, Transaction } from '../transaction.ts'
import { commitOutcome } from './commit-outcome.ts'
import type { EngineDeps } from './engine-deps.ts'
import { askerFor, refuseNested } from './interaction-scope.ts'
import { type Attempt, type Outcome, runOnce } from './postgres-attempt.ts'
import { PostgresConnections } from './postgres-connections.ts'
import { PostgresHold } from './postgres-hold.ts'
import { rehearsed } from './rehearsal.ts'
import { tooBusy } from './too-busy.ts'
import { Watchdog } from './watchdog.ts'

/** How often an interaction is run when each run conflicts with another transaction. */
const attemptsMax = 30
/** How often it is run when each time the connection breaks. */
const connectionsMax = 5
/** Back-off before the second attempt; doubled each time up to the limit, then a random part of it is waited. */
const backoffMsMin = 2
const backoffMsMax = 200

/** A database on a PostgreSQL server, through the one pool of this process. */
export class PostgresDatabase implements OpenDatabase {
  readonly engine = 'postgres'
  readonly #connections: PostgresConnections
  /** Undefined for a database that is only read, which a server may have meanwhile. */
  readonly #hold: PostgresHold | undefined
  readonly #deps: EngineDeps
  readonly #watchdog: Watchdog
  readonly #random: Random = systemRandom
  #closing: Promise<void> | undefined
  #underWay = 0
  #idle: (() => void) | undefined

  private constructor(connections: PostgresConnections, hold: PostgresHold | undefined, deps: EngineDeps) {
    this.#connections = connections
    this.#hold = hold
    this.#deps = deps
    // The server ends what is too long by itself; this is for a server that no longer answers.
    this.#watchdog = new Watchdog(deps.clock, deps.quietMsMax + Math.min(deps.quietMsMax, 5_000))
  }

  /**
   * Connects to the server named by `url` (`postgres://…`).
   * @throws DatabaseError when it cannot be reached or does not let us in, `in_use` when another process has it.
   */
  static async open(url: string, poolSize: number | undefined, deps: EngineDeps): Promise<PostgresDatabase> {
    const connections = await PostgresConnections.open(url, poolSize, deps)
    try {
      return new PostgresDatabase(connections, await PostgresHold.take(url), deps)
    } catch (error) {
      await connections.close()
      throw error
    }
  }

  /**
   * Connects to be let read, also while a server has the database.
   * @throws DatabaseError when it cannot be reached or does not let us in.
   */
  static async openToRead(url: string, poolSize: number | undefined, deps: EngineDeps): Promise<PostgresDatabase> {
    return new PostgresDatabase(await PostgresConnections.open(url, poolSize, deps), undefined, deps)
  }

  /** How full the gate is. */
  get pool(): PoolFigures {
    const { size, inUse, waiting, refused } = this.#connections.turns
    return { size, inUse, waiting, refused }
  }

  async runInteraction<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    options: InteractionOptions = {},
  ): Promise<T> {
    refuseNested(name)
    if (this.#hold === undefined && options.readOnly !== true)
      throw new DatabaseError('usage', `interaction ${name}: opened to be read alone`)
    if (this.#closing !== undefined) throw new DatabaseError('closed', `interaction ${name}: the database is closed`)
    this.#underWay += 1
    const account = this.#deps.accounting?.open(name)
    let succeeded = false
    try {
      const attempt = {
        name,
        body: this.#deps.rehearse ? (txn: Parameters<typeof rehearsed>[0]): Promise<T> => rehearsed(txn, fn) : fn,
        readOnly: options.readOnly === true,
        mayTakeLong: options.mayTakeLong === true,
        account,
      }
      const value = await this.#run(attempt, askerFor(options))
      succeeded = true
      return value
    } finally {
      account?.ended(succeeded)
      this.#underWay -= 1
      if (this.#underWay === 0) this.#idle?.()
    }
  }

  /** Waits for interactions under way, refuses new ones, and closes every connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#connections.stopWaiting()
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#watchdog.stop()
    await this.#connections.close()
    await this.#hold?.release()
  }

  /** Runs it until it has committed, or failed for another reason than a conflict or a lost connection, or too often. */
  async #run<T>(attempt: Attempt<T>, asker: Asker | undefined): Promise<T> {
    let conflicts = 0
    let losses = 0
    for (;;) {
      const outcome = await this.#inTurn(attempt, asker)
      const report = (error: unknown): void => this.#deps.report(error, attempt.name)
      if (outcome.end === 'committed') {
        outcome.txn.state.committed(report)
        return outcome.value
      }
      if (outcome.end === 'unknown') throw lostCommit(attempt.name, outcome.error)
      const again = outcome.end === 'again'
      if (again && outcome.why === 'conflict') conflicts += 1
      if (again && outcome.why === 'connection') losses += 1
      if (again && conflicts < attemptsMax && losses < connectionsMax && asker?.gone !== true) {
        await delay(Math.min(backoffMsMax, backoffMsMin * 2 ** (conflicts + losses)) * this.#random.fraction())
        continue
      }
      outcome.txn.state.rolledBack(report)
      if (!again) throw this.#deps.noSpace.refusal(outcome.error)
      if (asker?.gone === true) throw asker.signal.reason
      this.#deps.logger.warn('An interaction was given up after many runs', {
        interaction: attempt.name,
        conflicts,
        losses,
        error: outcome.error,
      })
      throw tooBusy()
    }
  }

  /** One run, and when its connection broke during the commit, what became of it. */
  async #inTurn<T>(attempt: Attempt<T>, asker: Asker | undefined): Promise<Outcome<T>> {
    const { turns } = this.#connections
    if (!turns.tryTake(asker)) await turns.take(asker)
    const { clock, waitMsMax } = this.#deps
    try {
      const client = await this.#connections.connect(clock.monotonic() + waitMsMax, asker)
      if (!attempt.readOnly) asker?.keep()
      attempt.account?.began()
      const outcome = await runOnce(attempt, client, { connections: this.#connections, watchdog: this.#watchdog })
      if (outcome.end !== 'unknown') return outcome
      const deadline = clock.monotonic() + waitMsMax
      const became = await commitOutcome(outcome.id, this.#connections, { clock, deadline })
      this.#deps.logger.warn('A connection to PostgreSQL broke during a commit', {
        interaction: attempt.name,
        outcome: became ?? 'unknown',
      })
      if (became === 'committed') return { txn: outcome.txn, end: 'committed', value: outcome.value }
      if (became === 'aborted') return { txn: outcome.txn, end: 'again', why: 'connection', error: outcome.error }
      return outcome
    } finally {
      turns.give()
    }
  }
}

function lostCommit(name: string, cause: unknown): DatabaseError {
  const text = `interaction ${name}: the connection broke during the commit, and PostgreSQL did not come back to say whether it happened`
  return new DatabaseError('unknown', text, { cause })
}
