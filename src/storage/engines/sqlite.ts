import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { DatabaseError } from '../database-error.ts'
import type { InteractionOptions, OpenDatabase, PoolFigures, Transaction } from '../transaction.ts'
import type { EngineDeps } from './engine-deps.ts'
import { refuseNested } from './interaction-scope.ts'
import { kindOf, SqliteConnection } from './sqlite-connection.ts'
import { SqliteReaders } from './sqlite-readers.ts'
import { damaged, requireWhole } from './sqlite-wholeness.ts'
import { SqliteWriter } from './sqlite-writer.ts'
import { Watchdog } from './watchdog.ts'

/** An SQLite file as a `Database`: one writer whose commits are grouped, and readers that never wait for it. */
export class SqliteDatabase implements OpenDatabase {
  readonly engine = 'sqlite'
  readonly #lock: DatabaseSync
  readonly #connection: SqliteConnection
  readonly #writer: SqliteWriter
  readonly #readers: SqliteReaders
  #closing: Promise<void> | undefined

  /**
   * Opens the file at `path`, made with its folder when missing, readable by its owner alone.
   * @throws DatabaseError `in_use` when another process (or this one) has it open, `damaged` when it is not whole,
   *   `other` when it cannot be opened.
   */
  constructor(path: string, deps: EngineDeps) {
    this.#lock = lockFile(path)
    this.#connection = openFile(path, this.#lock)
    const watchdog = new Watchdog(deps.clock, deps.quietMsMax)
    this.#writer = new SqliteWriter(this.#connection, deps, watchdog)
    this.#readers = new SqliteReaders(path, deps, watchdog)
  }

  /** How full the gate is; the writer counts as one of it. */
  get pool(): PoolFigures {
    const { turns } = this.#readers
    return {
      size: turns.size + 1,
      inUse: turns.inUse + (this.#writer.busy ? 1 : 0),
      waiting: turns.waiting + this.#writer.waiting,
      refused: turns.refused + this.#writer.refused,
    }
  }

  async runInteraction<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    options: InteractionOptions = {},
  ): Promise<T> {
    refuseNested(name)
    if (this.#closing !== undefined) throw new DatabaseError('closed', `interaction ${name}: the database is closed`)
    if (options.readOnly === true) return this.#readers.run(name, fn, options)
    return this.#writer.run(name, fn, options)
  }

  /** Lets queued interactions end, refuses new ones, and closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#writer.drained()
    await this.#readers.close()
    this.#connection.close()
    this.#lock.close()
  }
}

/**
 * Holds an exclusive lock beside the database for as long as the process lives. It is a lock of the operating system,
 * so a crash leaves nothing behind that would stand in the way of the next start.
 */
function lockFile(path: string): DatabaseSync {
  const lock = openLock(path)
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw new DatabaseError('in_use', `${path} is in use by another process: stop that one first`, { cause: error })
  }
}

function openLock(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return new DatabaseSync(`${path}.lock`)
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

function openFile(path: string, lock: DatabaseSync): SqliteConnection {
  let connection: SqliteConnection | undefined
  try {
    closeSync(openSync(path, 'a', 0o600))
    connection = new SqliteConnection(path, { readOnly: false })
    requireWhole(path, connection)
    return connection
  } catch (error) {
    connection?.close()
    lock.close()
    throw cannotOpen(path, error)
  }
}

function cannotOpen(path: string, error: unknown): DatabaseError {
  const reason = error instanceof Error ? error.message : String(error)
  const cause = error instanceof DatabaseError ? error.cause : error
  if (error instanceof DatabaseError && error.kind === 'damaged' && cause === undefined) return error
  if (kindOf(cause) === 'damaged') return damaged(path, cause instanceof Error ? cause.message : reason, cause)
  return new DatabaseError('other', `the database ${path} cannot be opened: ${reason}`, { cause: error })
}
