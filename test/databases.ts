import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { type Logger, silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import type { Database } from '#storage/transaction.ts'

import { createPostgresDatabase, postgresMissing } from './postgres.ts'

/** What a test of stores runs on. */
export type Engine = 'sqlite' | 'postgres'

export const engines: readonly Engine[] = ['sqlite', 'postgres']

/** Few, since many tests share one server. */
const testPoolSize = 4

export interface TestDatabaseOptions {
  readonly engine?: Engine
  /** False for a database without any table. */
  readonly migrated?: boolean
  readonly poolSize?: number
}

/** Runs the body of every interaction twice and compares what it did: finds those that may not run again. */
const rehearse = process.env['TESSERA_TEST_REHEARSE'] === '1'

/** How often the body of an interaction runs on a test's database when nothing fails, for tests that count what it does. */
export const bodyRuns = rehearse ? 2 : 1

/** A complaint of the database fails the test that provokes it. */
const logger: Logger = {
  ...silentLogger,
  error: (message, fields) => {
    throw new Error(message, { cause: fields?.['error'] })
  },
}

/** A fresh database of its own for one test, closed and removed when the test ends. SQLite unless told otherwise. */
export async function testDatabase(t: TestContext, options: TestDatabaseOptions = {}): Promise<Database> {
  const place = await testPlace(options)
  const database = await openDatabase({ ...place.options, logger, rehearse })
  t.after(async () => {
    await database.close()
    await place.remove()
  })
  return database
}

/**
 * Where a fresh database of its own is, for a test that opens it itself, several times, or in another process; it closes
 * what it opened before it ends. Removed when the test ends.
 */
export async function testDatabaseUrl(t: TestContext, options: TestDatabaseOptions = {}): Promise<string> {
  const place = await testPlace(options)
  t.after(() => place.remove())
  return place.options.url
}

interface Place {
  readonly options: { readonly url: string; readonly poolSize?: number }
  readonly remove: () => Promise<void>
}

async function testPlace(options: TestDatabaseOptions): Promise<Place> {
  const migrated = options.migrated !== false
  if (options.engine === 'postgres') {
    const { url, drop } = await createPostgresDatabase({ migrated })
    return { options: { url, poolSize: options.poolSize ?? testPoolSize }, remove: drop }
  }
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-'))
  const url = `sqlite:${join(folder, 'test.db')}`
  if (migrated) {
    const database = await openDatabase({ url, logger })
    await migrate(database).finally(() => database.close())
  }
  return { options: { url }, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Registers a test once for each engine; each run gets a fresh, migrated database of its own. */
export function eachEngine(
  name: string,
  fn: (t: TestContext, database: Database) => Promise<void>,
  options: Omit<TestDatabaseOptions, 'engine'> & { readonly engines?: readonly Engine[] } = {},
): void {
  for (const engine of options.engines ?? engines) {
    const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
    test(`${name} (${engine})`, { skip }, async (t) => fn(t, await testDatabase(t, { ...options, engine })))
  }
}
