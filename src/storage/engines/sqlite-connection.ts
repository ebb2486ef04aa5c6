import { DatabaseSync, type StatementSync } from 'node:sqlite'

import { LruCache } from '#base/lru-cache.ts'

import { DatabaseError } from '../database-error.ts'
import type { SqlValue } from '../transaction.ts'

/** Prepared statements kept by a connection. The program's texts are constants and fewer than this. */
const statementsMax = 1000
/**
 * Pages of the write-ahead log after which SQLite copies it into the database file. Whoever commits then waits for it:
 * fewer pages are more work in all, more of them a longer wait (some 40 ms for 4,000, 80 for 16,000).
 */
const walCheckpointPages = 4_000
/**
 * Memory that one connection may use to keep pages. The file is not mapped into memory as well: it spares a third of the
 * time of a long read, but counts as memory of this process, once for each connection, and a failing disk ends it.
 */
const pageCacheKibibytes = 16_384

interface Prepared {
  readonly statement: StatementSync
  /** Names of the columns of the answer; empty for a statement without one. */
  readonly columns: readonly string[]
}

type SqlRow = Record<string, unknown>

type Bound = string | number | null | Uint8Array

/** One connection to an SQLite file. Everything here is synchronous. */
export class SqliteConnection {
  readonly #database: DatabaseSync
  readonly #prepared = new LruCache<string, Prepared>(statementsMax, 'prepared_statements')

  /** Opens `path`; the writer makes the file and sets its journal to write-ahead. */
  constructor(path: string, options: { readonly readOnly: boolean }) {
    this.#database = new DatabaseSync(path, { readOnly: options.readOnly, enableForeignKeyConstraints: false })
    this.#database.exec(`PRAGMA busy_timeout = 5000`)
    if (!options.readOnly) this.#database.exec(`PRAGMA journal_mode = WAL`)
    this.#database.exec(`PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = ${walCheckpointPages}; PRAGMA cache_size = -${pageCacheKibibytes}`)
  }

  /** False as well when SQLite has rolled back by itself, as it does when the disk is full. */
  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  /** Every row of `sql`. */
  all(sql: string, params: readonly SqlValue[]): SqlRow[] {
    const prepared = this.#prepare(sql)
    try {
      const rows = prepared.statement.all(...params.map(bound)) as unknown as unknown[][]
      return rows.map((row) => named(prepared.columns, row))
    } catch (error) {
      throw explained(error, sql)
    }
  }

  /** The first row of `sql`. */
  get(sql: string, params: readonly SqlValue[]): SqlRow | undefined {
    const prepared = this.#prepare(sql)
    try {
      const row = prepared.statement.get(...params.map(bound)) as unknown as unknown[] | undefined
      return row === undefined ? undefined : named(prepared.columns, row)
    } catch (error) {
      throw explained(error, sql)
    }
  }

  /** Runs `sql`; gives how many rows it changed. */
  run(sql: string, params: readonly SqlValue[]): number {
    const prepared = this.#prepare(sql)
    try {
      return Number(prepared.statement.run(...params.map(bound)).changes)
    } catch (error) {
      throw explained(error, sql)
    }
  }

  /** Closes the connection; the last one to a file copies the write-ahead log into it. */
  close(): void {
    this.#prepared.clear()
    this.#database.close()
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    try {
      const statement = this.#database.prepare(sqliteText(sql))
      // Arrays are read faster than objects, and the objects made from them are plain ones on both engines.
      statement.setReturnArrays(true)
      const prepared = { statement, columns: statement.columns().map((column) => column.name) }
      this.#prepared.set(sql, prepared)
      return prepared
    } catch (error) {
      throw explained(error, sql)
    }
  }
}

/** SQLite has no arrays: they are bound as JSON and read as a table. It has one writer, which holds all rows. */
export function sqliteText(sql: string): string {
  return sql.replaceAll(/@(?:ints|texts)\(\?\)/g, '(SELECT value FROM json_each(?))').replace(/ FOR KEY SHARE$/, '')
}

function bound(value: SqlValue): Bound {
  if (value === undefined) throw new DatabaseError('usage', 'undefined was bound to a placeholder: bind null')
  if (Array.isArray(value)) return JSON.stringify(value)
  return value as Bound
}

function named(columns: readonly string[], values: readonly unknown[]): SqlRow {
  const row: SqlRow = {}
  for (const [index, column] of columns.entries()) row[column] = values[index]
  return row
}

/** SQLite's extended codes of a broken primary key, unique index or rowid. */
const uniqueCodes: ReadonlySet<number> = new Set([1555, 2067, 2579])
/** The part of an extended code that says of what kind it is. */
const primaryCode = 0xff
const fullCode = 13
const damagedCodes: ReadonlySet<number> = new Set([11, 26])

/** What kind of error SQLite's own is. https://www.sqlite.org/rescode.html */
export function kindOf(error: unknown): 'unique' | 'full' | 'damaged' | 'other' {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  if (uniqueCodes.has(code)) return 'unique'
  if ((code & primaryCode) === fullCode) return 'full'
  return damagedCodes.has(code & primaryCode) ? 'damaged' : 'other'
}

function explained(error: unknown, sql: string): DatabaseError {
  if (error instanceof DatabaseError) return new DatabaseError(error.kind, `${error.message} in: ${sql}`)
  const reason = error instanceof Error ? error.message : String(error)
  const kind = kindOf(error)
  const advice = kind === 'damaged' ? ' (the file is damaged: stop the server and restore a backup)' : ''
  return new DatabaseError(kind, `${reason}${advice} in: ${sql}`, { cause: error })
}
