import { DatabaseError } from '../database-error.ts'
import type { Database, InteractionOptions, Transaction } from '../transaction.ts'
import type { EngineDeps } from './engine-deps.ts'
import { refuseNested } from './interaction-scope.ts'
import { SqliteReaders } from './sqlite-readers.ts'
import { Watchdog } from './watchdog.ts'

/** An SQLite file that this process only reads, while a server may have it open. */
export class SqliteReading implements Database {
  readonly engine = 'sqlite'
  readonly #readers: SqliteReaders

  constructor(path: string, deps: EngineDeps) {
    this.#readers = new SqliteReaders(path, deps, new Watchdog(deps.clock, deps.quietMsMax))
  }

  async runInteraction<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    options: InteractionOptions = {},
  ): Promise<T> {
    refuseNested(name)
    if (options.readOnly !== true) throw new DatabaseError('usage', `interaction ${name}: opened to be read alone`)
    return this.#readers.run(name, fn, options)
  }

  close(): Promise<void> {
    return this.#readers.close()
  }
}
