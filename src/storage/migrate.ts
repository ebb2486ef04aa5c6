import { type Clock, systemClock } from '#base/clock.ts'

import { DatabaseError } from './database-error.ts'
import { type Migration, migrations } from './migrations.ts'
import { type Database, type Transaction } from './transaction.ts'

export interface MigrateOptions {
  /** Told the name of each migration after it has been applied. */
  readonly onProgress?: (name: string) => void
  /** Another list than the program's own; for tests. */
  readonly migrations?: readonly Migration[]
  readonly clock?: Clock
}

/**
 * Applies the migrations that the database does not have yet, each in its own transaction; gives their names. Several
 * processes may do it at once.
 * @throws DatabaseError `newer` when the database has a migration that this program does not know.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<string[]> {
  const list = options.migrations ?? migrations
  const clock = options.clock ?? systemClock
  // Another process that makes the table in the same moment lets this fail, and then it is there.
  await createVersionTable(database).catch(() => createVersionTable(database))
  const applied = await database.runInteraction('get_schema_migrations', (txn) => appliedNames(txn), { readOnly: true })
  refuseNewer(applied, list)
  const done: string[] = []
  for (const migration of list.filter(({ name }) => !applied.has(name))) {
    const mine = await database.runInteraction('apply_migration', (txn) => apply(txn, migration, clock.now()), {
      mayTakeLong: true,
    })
    if (!mine) continue
    done.push(migration.name)
    options.onProgress?.(migration.name)
  }
  return done
}

async function createVersionTable(database: Database): Promise<void> {
  await database.runInteraction('create_schema_migrations', (txn) =>
    txn.run(
      `CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT NOT NULL PRIMARY KEY, applied_ts INTEGER NOT NULL)`,
    ),
  )
}

async function appliedNames(txn: Transaction): Promise<Set<string>> {
  const rows = await txn.all<{ name: string }>(`SELECT name FROM schema_migrations`)
  return new Set(rows.map((row) => row.name))
}

function refuseNewer(applied: ReadonlySet<string>, list: readonly Migration[]): void {
  const known = new Set(list.map(({ name }) => name))
  const unknown = [...applied].filter((name) => !known.has(name)).sort()
  if (unknown.length === 0) return
  throw new DatabaseError(
    'newer',
    `the database was written by a newer Tessera (it has ${unknown.join(', ')}): start that version, or restore a backup`,
  )
}

/** False when another process has applied it meanwhile: its row makes this insert change nothing, or be retried. */
async function apply(txn: Transaction, migration: Migration, now: number): Promise<boolean> {
  const mine = await txn.run(
    `INSERT INTO schema_migrations (name, applied_ts) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`,
    migration.name,
    now,
  )
  if (mine === 0) return false
  // Sent together, done in order.
  await Promise.all(migration.statements.map((statement) => txn.run(statement)))
  return true
}
