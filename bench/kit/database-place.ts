import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { silentLogger } from '#observability/logger.ts'
import { uncounted } from '#observability/metrics.ts'
import { PrometheusMetrics } from '#observability/prometheus-metrics.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { relationUsage } from '#storage/database-usage.ts'
import { migrate } from '#storage/migrate.ts'
import type { Database } from '#storage/transaction.ts'

import type { DurablePostgres } from './durable-postgres.ts'
import type { Figures } from './measure.ts'
import type { Target } from './scenario.ts'

/** A load on a database of its own: by the lower floors alone, or by a server that it starts there. */
export interface DatabaseScenario {
  readonly name: string
  readonly about: string
  readonly targets: Readonly<Record<string, Target>>
  run(place: DatabasePlace): Promise<Figures>
}

/** A fresh database that can be opened again with nothing in its caches. */
export interface DatabasePlace {
  /**
   * With `accounting` everything is counted and timed, as when Prometheus asks; when it is false, nothing is. Another
   * database than the first is made for each `name`.
   */
  open(options?: { readonly accounting?: boolean; readonly name?: string }): Promise<Database>
  /** The address of the first, for a server of its own to open. */
  url(): Promise<string>
}

/** Makes a fresh database on the server `postgres`, or a file of SQLite, lets `work` use it, and removes it. */
export async function withDatabasePlace<T>(
  postgres: DurablePostgres | undefined,
  work: (place: DatabasePlace) => Promise<T>,
): Promise<T> {
  const made = new Map<string, Awaited<ReturnType<DurablePostgres['createDatabase']>>>()
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bench-'))
  const urlOf = async (name = 'bench'): Promise<string> => {
    if (postgres === undefined) return `sqlite:${join(folder, `${name}.db`)}`
    const database = made.get(name) ?? (await postgres.createDatabase())
    made.set(name, database)
    return database.url
  }
  const open: DatabasePlace['open'] = async ({ name = 'bench', ...options } = {}) => {
    const metrics = options.accounting === true ? new PrometheusMetrics() : uncounted
    const database = await openDatabase({ url: await urlOf(name), logger: silentLogger, metrics, ...options })
    await migrate(database)
    return database
  }
  try {
    return await work({ open, url: () => urlOf() })
  } finally {
    for (const database of made.values()) await database.drop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bytes on disk: of everything, or of these tables with their indexes. */
export async function bytesOnDisk(database: Database, tables?: readonly string[]): Promise<number> {
  const relations = await relationUsage(database)
  return relations
    .filter((relation) => tables === undefined || tables.includes(relation.table))
    .reduce((sum, relation) => sum + relation.bytes, 0)
}

/** Prints what each table and index costs for each of `count` things that were written. */
export async function printUsage(database: Database, count: number, of: string): Promise<void> {
  const relations = (await relationUsage(database)).filter((relation) => relation.bytes / count >= 4)
  const words = relations.map((relation) => `${relation.name} ${(relation.bytes / count).toFixed(1)}`)
  process.stdout.write(`  bytes for each ${of}: ${words.join(', ')}\n`)
}
