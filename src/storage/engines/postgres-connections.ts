import { setTimeout as delay } from 'node:timers/promises'

import type { ClientBase, CustomTypesConfig, Pool, PoolClient, QueryResult } from 'pg'

import { type Random, systemRandom } from '#base/random.ts'
import type { Asker } from '#observability/asker.ts'

import { DatabaseError } from '../database-error.ts'
import type { EngineDeps } from './engine-deps.ts'
import { isAway, sqlState } from './postgres-errors.ts'
import { lifeSql, ServerLives } from './server-lives.ts'
import { tooBusy } from './too-busy.ts'
import { Turns } from './turns.ts'

/** Connections when the configuration names no number. */
const poolSizeDefault = 10
/** Time between two attempts to reach a server that is away; a random part of it is waited. */
const reconnectMs = 500
/** How long one connection may take to come about. */
const connectMsMax = 10_000

/** The connections of this process to a PostgreSQL server: made when wanted, replaced when they break. */
export class PostgresConnections {
  /** Who may have one, in order of arrival: the pool itself never lets anybody wait. */
  readonly turns: Turns
  readonly #pool: Pool
  readonly #deps: EngineDeps
  readonly #random: Random = systemRandom
  /** Connections that have broken, with the reason. */
  readonly #broken = new WeakMap<ClientBase, Error>()
  readonly #prepared = new WeakMap<ClientBase, Promise<void>>()
  /** The lives of the server that were seen. */
  readonly lives = new ServerLives()
  #away = false
  #closing = false
  #open = 0
  #disconnected: (() => void) | undefined

  private constructor(pool: Pool, size: number, deps: EngineDeps) {
    this.#pool = pool
    this.#deps = deps
    this.turns = new Turns({ size, waitMsMax: deps.waitMsMax })
    pool.on('connect', (client) => this.#welcome(client))
    // The pool says that it has ended before its connections have.
    pool.on('remove', () => {
      this.#open -= 1
      if (this.#open === 0) this.#disconnected?.()
    })
    pool.on('error', (error) => this.#noteAway(error))
  }

  /**
   * Connects to the server named by `url` (`postgres://…`).
   * @throws DatabaseError when it cannot be reached or does not let us in.
   */
  static async open(url: string, poolSize: number | undefined, deps: EngineDeps): Promise<PostgresConnections> {
    // Loaded here, so that a process that uses SQLite neither waits for it nor holds it in memory.
    const { default: pg } = await import('pg')
    const size = poolSize ?? poolSizeDefault
    const pool = new pg.Pool({
      connectionString: url,
      max: size,
      connectionTimeoutMillis: connectMsMax,
      keepAlive: true,
      pipeline: true,
      application_name: 'tessera',
      types: portableTypes(pg.types.getTypeParser),
    })
    const connections = new PostgresConnections(pool, size, deps)
    try {
      ;(await pool.connect()).release()
    } catch (error) {
      await connections.close()
      throw new DatabaseError('other', `PostgreSQL cannot be reached: ${reasonOf(error)}`, { cause: error })
    }
    return connections
  }

  /**
   * A connection, for whoever has a turn. While the server is away it is tried again until `deadline` (monotonic).
   * @throws MatrixError 503 when it stays away; DatabaseError when it does not let us in; the reason of the asker's signal
   *   when they go.
   */
  async connect(deadline: number, asker?: Asker): Promise<PoolClient> {
    for (;;) {
      try {
        const client = await this.#pool.connect()
        this.#noteBack()
        return client
      } catch (error) {
        if (!isAway(error)) {
          throw new DatabaseError('other', `no connection to PostgreSQL: ${reasonOf(error)}`, { cause: error })
        }
        this.#noteAway(error)
        const wait = reconnectMs * (0.5 + this.#random.fraction() / 2)
        if (this.#closing || this.#deps.clock.monotonic() + wait > deadline) throw tooBusy()
        await delayFor(asker, wait)
      }
    }
  }

  /** Why a connection has broken; undefined while it has not. */
  brokenBy(client: ClientBase): Error | undefined {
    return this.#broken.get(client)
  }

  /** Resolves when the session of a connection is set up. */
  prepared(client: ClientBase): Promise<void> {
    return this.#prepared.get(client) ?? Promise.resolve()
  }

  /** No further attempts to reach a server that is away. */
  stopWaiting(): void {
    this.#closing = true
  }

  /** Closes every connection; those in use have to be given back first. */
  async close(): Promise<void> {
    this.#closing = true
    const ended = this.#open === 0 ? undefined : new Promise<void>((resolve) => (this.#disconnected = resolve))
    await this.#pool.end()
    await ended
  }

  #welcome(client: ClientBase): void {
    this.#open += 1
    // A broken connection leaves the pool by itself; whoever uses it gets the error from the query.
    const note = (error: Error): void => {
      // The first says why; what follows only says that it is so.
      if (!this.#broken.has(client)) this.#broken.set(client, error)
    }
    client.on('error', note)
    client.on('end', () => note(new Error('the connection was closed')))
    const prepared = prepareSession(client, this.#deps.quietMsMax).then((life) => this.lives.note(client, life))
    this.#prepared.set(client, prepared)
    prepared.catch((error: unknown) => {
      if (!isAway(error)) this.#deps.report(error, 'prepare session')
    })
  }

  #noteAway(error: unknown): void {
    if (this.#away || this.#closing) return
    this.#away = true
    this.#deps.logger.warn('The connection to PostgreSQL is lost: trying again', { reason: reasonOf(error) })
  }

  #noteBack(): void {
    if (!this.#away) return
    this.#away = false
    this.#deps.logger.info('PostgreSQL is there again')
  }
}

/** Waits, unless the asker goes meanwhile. */
async function delayFor(asker: Asker | undefined, waitMs: number): Promise<void> {
  try {
    await delay(waitMs, undefined, asker === undefined ? {} : { signal: asker.signal })
  } catch {
    throw asker?.signal.reason
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || (sqlState(error) ?? 'no reason given') : String(error)
}

/**
 * An answer means that the change is on disk, whatever the server's default; and compiling short queries costs more than
 * it gives. Every read here follows an index and most stop early; a bitmap, which the planner likes for pages of large
 * tables, reads a whole room and sorts it; and indexes are mostly in memory, so that a look costs little. A statement that takes too long is ended by the server, and so is a transaction that we have forgotten.
 * Sent ahead of the first interaction on the same connection. Gives the answer to `lifeSql`.
 */
async function prepareSession(client: ClientBase, quietMsMax: number): Promise<QueryResult | undefined> {
  // One message, and so one transaction of its own: what is set inside a transaction goes when that is rolled back.
  const answers = (await client.query(
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
     SET jit = off; SET enable_bitmapscan = off; SET random_page_cost = 1.1; SET statement_timeout = ${quietMsMax}; SET idle_in_transaction_session_timeout = ${quietMsMax};
     ${lifeSql}`,
  )) as unknown as QueryResult[]
  return answers.at(-1)
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
