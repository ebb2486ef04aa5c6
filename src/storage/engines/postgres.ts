import { setTimeout as delay } from 'node:timers/promises'

import { type ClientBase, type CustomTypesConfig, type Pool, type PoolClient } from 'pg'

import { type Random, systemRandom } from '#base/random.ts'
import { MatrixError } from '#protocol/errors.ts'

import { DatabaseError } from '../database-error.ts'
import { type Database, type InteractionOptions, type Transaction } from '../transaction.ts'
import { insideInteraction, refuseNested } from './interaction-scope.ts'
import { PostgresHold } from './postgres-hold.ts'
import { PostgresTransaction, sqlState } from './postgres-transaction.ts'

/** Connections when the configuration names no number. */
const poolSizeDefault = 10
/** Interactions that may wait for a connection. */
const waitingInteractionsMax = 5_000
/** How long an interaction waits for a connection when the configuration does not say. */
const waitMsDefault = 20_000
/** What a client is told to wait after it was turned away. */
const retryAfterMs = 5_000
/** How often an interaction is run when each run conflicts with another transaction. */
const attemptsMax = 30
/** Back-off before the second attempt; doubled each time up to the limit, then a random part of it is waited. */
const backoffMsMin = 2
const backoffMsMax = 200

/** A database on a PostgreSQL server, through the one pool of this process. */
export class PostgresDatabase implements Database {
  readonly engine = 'postgres'
  readonly #pool: Pool
  readonly #report: (error: unknown, interaction: string) => void
  readonly #random: Random
  #hold: PostgresHold | undefined
  #closing: Promise<void> | undefined
  #underWay = 0
  #idle: (() => void) | undefined
  #connections = 0
  #disconnected: (() => void) | undefined

  private constructor(pool: Pool, report: (error: unknown, interaction: string) => void) {
    this.#pool = pool
    this.#report = report
    this.#random = systemRandom
    pool.on('connect', (client) => {
      this.#connections += 1
      // A broken connection leaves the pool by itself; whoever uses it gets the error from the query.
      client.on('error', () => undefined)
      prepareSession(client).catch((error: unknown) => report(error, 'prepare session'))
    })
    // The pool says that it has ended before its connections have.
    pool.on('remove', () => {
      this.#connections -= 1
      if (this.#connections === 0) this.#disconnected?.()
    })
    pool.on('error', (error) => report(error, 'idle connection'))
  }

  /**
   * Connects to the server named by `url` (`postgres://…`).
   * @throws DatabaseError when it cannot be reached or does not let us in, `in_use` when another process has it.
   */
  static async open(
    url: string,
    options: {
      readonly poolSize?: number
      readonly waitMsMax?: number
      readonly report: (error: unknown, interaction: string) => void
    },
  ): Promise<PostgresDatabase> {
    // Loaded here, so that a process that uses SQLite neither waits for it nor holds it in memory.
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({
      connectionString: url,
      max: options.poolSize ?? poolSizeDefault,
      connectionTimeoutMillis: options.waitMsMax ?? waitMsDefault,
      keepAlive: true,
      pipeline: true,
      application_name: 'tessera',
      types: portableTypes(pg.types.getTypeParser),
    })
    const database = new PostgresDatabase(pool, options.report)
    try {
      database.#hold = await PostgresHold.take(() => new pg.Client({ connectionString: url, keepAlive: true }))
      ;(await pool.connect()).release()
    } catch (error) {
      await database.close()
      if (error instanceof DatabaseError) throw error
      const reason = error instanceof Error ? error.message || sqlState(error) : String(error)
      throw new DatabaseError('other', `PostgreSQL cannot be reached: ${reason ?? 'no reason given'}`, { cause: error })
    }
    return database
  }

  async runInteraction<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    options?: InteractionOptions,
  ): Promise<T> {
    refuseNested(name)
    if (this.#closing !== undefined) throw new DatabaseError('closed', `interaction ${name}: the database is closed`)
    this.#underWay += 1
    try {
      return await this.#run(name, fn, options?.readOnly === true)
    } finally {
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
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    const ended = this.#connections === 0 ? undefined : new Promise<void>((resolve) => (this.#disconnected = resolve))
    await this.#pool.end()
    await ended
    await this.#hold?.release()
  }

  /** Runs `fn` until it has committed, or failed for another reason than a conflict, or conflicted too often. */
  async #run<T>(name: string, fn: (txn: Transaction) => Promise<T>, readOnly: boolean): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(name, fn, readOnly)
      if ('value' in outcome) return outcome.value
      if (attempt === attemptsMax) throw outcome.conflict
      const backoff = Math.min(backoffMsMax, backoffMsMin * 2 ** attempt)
      await delay(backoff * this.#random.fraction())
    }
  }

  /** Runs `fn` once; gives its value when committed, or the conflict because of which it should run again. */
  async #attempt<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    readOnly: boolean,
  ): Promise<{ value: T } | { conflict: unknown }> {
    const client = await this.#connect(name)
    const txn = new PostgresTransaction(name, client)
    let value: T
    try {
      // Sent without waiting: it travels together with the first statement.
      const begun = client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ${readOnly ? ' READ ONLY' : ''}`)
      begun.catch(() => undefined)
      value = await insideInteraction(name, () => fn(txn))
      txn.state.end()
      await begun
      if (txn.state.failure !== undefined) throw txn.state.failure
      await client.query('COMMIT')
    } catch (error) {
      txn.state.end()
      await rollBack(client)
      const reason = txn.state.failure ?? error
      if (isConflict(reason)) return { conflict: reason }
      throw error
    }
    client.release()
    txn.state.committed((error) => this.#report(error, name))
    return { value }
  }

  async #connect(name: string): Promise<PoolClient> {
    if (this.#pool.waitingCount >= waitingInteractionsMax) throw busy()
    try {
      return await this.#pool.connect()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason.startsWith('timeout exceeded')) throw busy()
      throw new DatabaseError('other', `interaction ${name}: no connection to PostgreSQL: ${reason}`, { cause: error })
    }
  }
}

function busy(): MatrixError {
  return new MatrixError('M_UNKNOWN', 'The server has too much to do at the moment: try again in a few seconds.', {
    status: 503,
    extra: { retry_after_ms: retryAfterMs },
  })
}

function isConflict(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

/** Ends the transaction and gives the connection back; one that cannot even roll back is thrown away. */
async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
    client.release()
  } catch {
    client.release(true)
  }
}

/**
 * An answer means that the change is on disk, whatever the server's default; and compiling short queries costs more than
 * it gives. Sent ahead of the first interaction on the same connection.
 */
async function prepareSession(client: ClientBase): Promise<void> {
  // One message, and so one transaction of its own: what is set inside a transaction goes when that is rolled back.
  await client.query(
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
     SET jit = off`,
  )
}

const oidBool = 16
const oidBytea = 17
const oidInt8 = 20
const oidNumeric = 1700

/** Values as SQLite gives them: all numbers as `number`, truth as 0 and 1, bytes as plain `Uint8Array`. */
function portableTypes(standard: CustomTypesConfig['getTypeParser']): CustomTypesConfig {
  const bytes = standard(oidBytea) as (text: string) => Buffer
  const parsers = new Map<number, (text: string) => unknown>([
    [oidBool, (text) => (text === 't' ? 1 : 0)],
    [oidBytea, (text) => new Uint8Array(bytes(text))],
    [oidInt8, Number],
    [oidNumeric, Number],
  ])
  const getTypeParser = (oid: number, format?: 'text' | 'binary'): unknown =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? standard(oid, format)
  return { getTypeParser: getTypeParser as CustomTypesConfig['getTypeParser'] }
}
