import { setTimeout as delay } from 'node:timers/promises'

import type { Client } from 'pg'

import { runInBackground } from '#observability/request-context.ts'

import { DatabaseError } from '../database-error.ts'

/** The advisory lock that stands for "a server writes to this database"; any number that no other program takes. */
const holdLock = 8_448_008
/** How long a server that has just been killed may still seem to hold the database. */
const releaseMsMax = 3_000
const retryMs = 100

/**
 * Keeps a database for this process alone, on a connection of its own: stream positions and the memory of rooms are
 * right only while nobody else writes. A lost connection is made anew; if another process has taken the database in
 * the meantime, this one ends, since it cannot know what it no longer knows.
 */
export class PostgresHold {
  readonly #connect: () => Client
  #client: Client | undefined
  #released = false

  private constructor(connect: () => Client) {
    this.#connect = connect
  }

  /**
   * Takes the database that `url` names.
   * @throws DatabaseError `in_use` when another process has it, or the driver's error when it cannot be reached.
   */
  static async take(url: string): Promise<PostgresHold> {
    const { default: pg } = await import('pg')
    const hold = new PostgresHold(() => new pg.Client({ connectionString: url, keepAlive: true }))
    await hold.#take()
    return hold
  }

  /** Lets the database go. */
  async release(): Promise<void> {
    this.#released = true
    await this.#client?.end()
  }

  async #take(): Promise<void> {
    const client = this.#connect()
    client.on('error', () => undefined)
    await client.connect()
    const tries = Math.ceil(releaseMsMax / retryMs)
    for (let attempt = 1; !(await isTaken(client)); attempt += 1) {
      if (attempt === tries) {
        await client.end()
        throw new DatabaseError('in_use', 'the PostgreSQL database is in use by another server: stop that one first')
      }
      await delay(retryMs)
    }
    if (this.#released) return client.end()
    client.on('end', () => void runInBackground('hold_database', () => this.#again()))
    this.#client = client
  }

  async #again(): Promise<void> {
    while (!this.#released) {
      try {
        return await this.#take()
      } catch (error) {
        if (error instanceof DatabaseError) return endProcess(error)
        await delay(retryMs)
      }
    }
  }
}

/** Throws outside of any request: nobody can go on from here. */
function endProcess(error: DatabaseError): void {
  setImmediate(() => {
    throw error
  })
}

async function isTaken(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [holdLock])
  return rows[0]?.taken === true
}
