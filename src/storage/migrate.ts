import { type Clock, systemClock } from '#base/clock.ts'

import { addBackgroundMigration } from './background-migrations.ts'
import { DatabaseError } from './database-error.ts'
import { type Migration, migrationChecksum, migrations } from './migrations.ts'
import type { Database, Transaction } from './transaction.ts'

export interface MigrateOptions {
  /** Told what will be applied to a database that has been used: it may take a while. */
  readonly onBegin?: (names: readonly string[]) => void
  /** Told the name of each migration after it has been applied. */
  readonly onProgress?: (name: string) => void
  /** Another list than the program's own; for tests. */
  readonly migrations?: readonly Migration[]
  readonly clock?: Clock
}

/**
 * Applies the migrations that the database does not have yet, each in its own transaction; gives their names. Several
 * processes may do it at once. Parts that run in the background are noted, not begun.
 * @throws DatabaseError `newer` when the database has a migration that this program does not know, or knows otherwise.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<string[]> {
  const list = options.migrations ?? migrations
  const clock = options.clock ?? systemClock
  // Another process that makes the tables in the same moment lets this fail, and then they are there.
  await createOwnTables(database).catch(() => createOwnTables(database))
  const applied = await database.runInteraction('get_schema_migrations', (txn) => appliedMigrations(txn), {
    readOnly: true,
  })
  const refusal = refusalOf(applied, list)
  if (refusal !== undefined) throw new DatabaseError('newer', `the database ${refusal}`)
  await database.runInteraction('keep_migration_checksums', (txn) => keepChecksums(txn, applied, list))
  const isNew = applied.size === 0
  const missing = list.filter(({ name }) => !applied.has(name))
  if (missing.length > 0 && !isNew) options.onBegin?.(missing.map(({ name }) => name))
  const done: string[] = []
  for (const migration of missing) {
    const now = clock.now()
    const mine = await database.runInteraction('apply_migration', (txn) => apply(txn, migration, { now, isNew }), {
      mayTakeLong: true,
    })
    if (!mine) continue
    done.push(migration.name)
    options.onProgress?.(migration.name)
  }
  return done
}

/**
 * The migrations that a database has, with their checksums: null for one that was applied by a program that kept none.
 * Fails on a database without any table.
 */
export async function appliedMigrations(txn: Transaction): Promise<Map<string, string | null>> {
  const rows = await txn.all<{ name: string; checksum: string | null }>(
    `SELECT m.name, c.checksum FROM schema_migrations m LEFT JOIN migration_checksums c ON c.name = m.name`,
  )
  return new Map(rows.map((row) => [row.name, row.checksum]))
}

/** Why this program cannot use a database with these migrations, as what follows "the database"; undefined when it can. */
export function refusalOf(
  applied: ReadonlyMap<string, string | null>,
  list: readonly Migration[] = migrations,
): string | undefined {
  const known = new Map(list.map((migration) => [migration.name, migrationChecksum(migration)]))
  const unknown = [...applied.keys()].filter((name) => !known.has(name)).sort()
  if (unknown.length > 0)
    return `was written by a newer Tessera (it has ${unknown.join(', ')}): start that version, or restore a backup`
  const otherwise = [...applied].flatMap(([name, checksum]) =>
    checksum !== null && checksum !== known.get(name) ? name : [],
  )
  if (otherwise.length === 0) return undefined
  return `was written by another Tessera, whose ${otherwise.join(', ')} did something else: start that one, or restore a backup`
}

async function createOwnTables(database: Database): Promise<void> {
  await database.runInteraction('create_schema_migrations', async (txn) => {
    await txn.run(
      `CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT NOT NULL PRIMARY KEY, applied_ts INTEGER NOT NULL)`,
    )
    // Apart, since the first databases had the other table without it.
    await txn.run(
      `CREATE TABLE IF NOT EXISTS migration_checksums (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL)`,
    )
  })
}

/** What was applied by a program that kept no checksums is believed to be what this program would have done. */
async function keepChecksums(
  txn: Transaction,
  applied: ReadonlyMap<string, string | null>,
  list: readonly Migration[],
): Promise<void> {
  for (const migration of list) if (applied.get(migration.name) === null) await keepChecksum(txn, migration)
}

async function keepChecksum(txn: Transaction, migration: Migration): Promise<void> {
  await txn.run(
    `INSERT INTO migration_checksums (name, checksum) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`,
    migration.name,
    migrationChecksum(migration),
  )
}

/** False when another process has applied it meanwhile: its row makes this insert change nothing, or be retried. */
async function apply(
  txn: Transaction,
  migration: Migration,
  moment: { readonly now: number; readonly isNew: boolean },
): Promise<boolean> {
  const mine = await txn.run(
    `INSERT INTO schema_migrations (name, applied_ts) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`,
    migration.name,
    moment.now,
  )
  if (mine === 0) return false
  // Sent together, done in order.
  await Promise.all(migration.statements.map((statement) => txn.run(statement)))
  await keepChecksum(txn, migration)
  // In a new database there is nothing that the background part would have to see to.
  if (migration.hasBackground === true)
    await addBackgroundMigration(txn, migration.name, moment.isNew ? moment.now : null)
  return true
}
