import { type UnfinishedMigration, unfinishedMigrations } from './background-migrations.ts'
import { appliedMigrations, refusalOf } from './migrate.ts'
import { migrations } from './migrations.ts'
import type { Database, Transaction } from './transaction.ts'

/** PostgreSQL's number of the oldest version that this program is tried with. */
const postgresVersionMin = 140_000

/** The state of a database, looked at without changing it. */
export interface DatabaseHealth {
  /** What keeps it, with its version. */
  readonly program: string
  /** Migrations that the next start will apply. */
  readonly missing: readonly string[]
  /** Migrations that a server still runs in the background. */
  readonly unfinished: readonly UnfinishedMigration[]
  /** What is wrong, a sentence each. */
  readonly faults: readonly string[]
  /** Its own clock, in milliseconds since 1970; undefined for one that has none of its own. */
  readonly clockMs: number | undefined
}

/** Looks at a database. Linear in its size on SQLite, where every page is read. */
export async function databaseHealth(database: Database): Promise<DatabaseHealth> {
  const look = <T>(name: string, fn: (txn: Transaction) => Promise<T>): Promise<T | undefined> =>
    database.runInteraction(name, fn, { readOnly: true }).catch(() => undefined)
  // A database of an earlier version lacks the tables that the later looks are at.
  const applied =
    (await look('get_schema_migrations', appliedMigrations)) ??
    (await look('get_first_migrations', namesAlone)) ??
    new Map<string, string | null>()
  const unfinished = (await look('get_background_migrations', unfinishedMigrations)) ?? []
  const missing = migrations.map(({ name }) => name).filter((name) => !applied.has(name))
  const refusal = refusalOf(applied)
  const faults = refusal === undefined ? [] : [`It ${refusal}.`]
  const own = database.engine === 'sqlite' ? await sqliteHealth(database) : await postgresHealth(database)
  return { ...own, missing, unfinished, faults: [...faults, ...own.faults] }
}

async function namesAlone(txn: Transaction): Promise<Map<string, string | null>> {
  const rows = await txn.all<{ name: string }>(`SELECT name FROM schema_migrations`)
  return new Map(rows.map(({ name }) => [name, null]))
}

type OwnHealth = Pick<DatabaseHealth, 'program' | 'faults' | 'clockMs'>

async function sqliteHealth(database: Database): Promise<OwnHealth> {
  const rows = await database.runInteraction(
    'check_pages',
    (snapshot) => snapshot.all<{ quick_check: string }>(`PRAGMA quick_check(3)`),
    { readOnly: true, mayTakeLong: true },
  )
  const faults = rows.map((row) => row.quick_check).filter((text) => text !== 'ok')
  const program = `SQLite ${process.versions.sqlite}`
  return {
    program,
    faults: faults.map((text) => `The file is damaged (${text}): restore a backup.`),
    clockMs: undefined,
  }
}

async function postgresHealth(database: Database): Promise<OwnHealth> {
  const row = await database.runInteraction(
    'check_settings',
    (snapshot) =>
      snapshot.get<{ version: number; name: string; fsync: string; encoding: string; clock: number }>(
        `SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version') AS name,
           current_setting('fsync') AS fsync,
           current_setting('server_encoding') AS encoding,
           (extract(epoch FROM now()) * 1000)::bigint AS clock`,
      ),
    { readOnly: true },
  )
  if (row === undefined) return { program: 'PostgreSQL', faults: [], clockMs: undefined }
  const faults: string[] = []
  if (row.version < postgresVersionMin) faults.push(`PostgreSQL ${row.version / 10_000} is too old: 14 is the least.`)
  if (row.fsync !== 'on')
    faults.push('fsync is off: a power cut damages everything. Set fsync = on in postgresql.conf.')
  if (row.encoding !== 'UTF8') faults.push(`Its encoding is ${row.encoding}: make the database with ENCODING 'UTF8'.`)
  return { program: `PostgreSQL ${row.name}`, faults, clockMs: row.clock }
}
