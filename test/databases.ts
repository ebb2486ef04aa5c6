import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import { type Database } from '#storage/transaction.ts'

/** Which engines a test of stores runs on. */
export type Engine = 'sqlite' | 'postgres'

export interface TestDatabaseOptions {
  readonly engine?: Engine
  /** False for a database without any table. */
  readonly migrated?: boolean
  readonly poolSize?: number
}

/** Throws what the database complains of to nobody: a test that provokes it fails. */
const logger = {
  warn: (): void => undefined,
  error: (message: string, fields?: Record<string, unknown>): void => {
    throw new Error(`${message}: ${JSON.stringify(fields)}`)
  },
}

/** A fresh database of its own for one test, closed and removed when the test ends. */
export async function testDatabase(t: TestContext, options: TestDatabaseOptions = {}): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-'))
  const database = await openDatabase({ url: `sqlite:${join(folder, 'test.db')}`, logger })
  t.after(async () => {
    await database.close()
    await rm(folder, { recursive: true })
  })
  if (options.migrated !== false) await migrate(database)
  return database
}

/** Registers a test once for each engine; each run gets a fresh, migrated database of its own. */
export function eachEngine(
  name: string,
  fn: (t: TestContext, database: Database) => Promise<void>,
  options: Omit<TestDatabaseOptions, 'engine'> & { readonly engines?: readonly Engine[] } = {},
): void {
  for (const engine of options.engines ?? ['sqlite']) {
    test(`${name} (${engine})`, async (t) => fn(t, await testDatabase(t, { ...options, engine })))
  }
}
