/** Databases as they were left by earlier versions, as text: one JSON object for each table that has rows. */
import { readdirSync, readFileSync } from 'node:fs'

import type { Database, SqlValue } from '#storage/transaction.ts'

const folder = new URL('frozen/', import.meta.url)

/** The rows of one table. Bytes are `{ "base64": … }`. */
interface FrozenTable {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null | { readonly base64: string })[])[]
}

/** What a database of one version held. */
export interface Frozen {
  /** The number of the newest migration that it had: `0010`. */
  readonly version: string
  readonly tables: readonly FrozenTable[]
}

/** Every frozen database, the oldest first. */
export function frozenDatabases(): Frozen[] {
  return readdirSync(folder)
    .sort()
    .map((file) => ({
      version: file.slice(0, 4),
      tables: readFileSync(new URL(file, folder), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as FrozenTable),
    }))
}

/** Puts frozen rows into those of their tables that are there. */
export async function thaw(database: Database, { tables }: Frozen): Promise<void> {
  const there = new Set(await tableNames(database))
  await database.runInteraction('thaw', async (txn) => {
    for (const { table, columns, rows } of tables.filter((each) => there.has(each.table))) {
      const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
      await txn.runMany(
        sql,
        rows.map((row) => row.map(thawed)),
      )
    }
  })
}

function thawed(value: FrozenTable['rows'][number][number]): SqlValue {
  return value !== null && typeof value === 'object' ? Buffer.from(value.base64, 'base64') : value
}

/** The names of all tables of the program in a database. */
export async function tableNames(database: Database): Promise<string[]> {
  const rows = await database.runInteraction(
    'tables',
    (txn) =>
      txn.all<{ name: string }>(
        database.engine === 'sqlite'
          ? `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`
          : `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`,
      ),
    { readOnly: true },
  )
  return rows.map((row) => row.name)
}
