import { type Transaction } from '../transaction.ts'
import { insideInteraction } from './interaction-scope.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'

/** Connections that read. Reads run on this thread, so more would only help interactions that overlap while they await. */
const readConnectionsMax = 4

/** Read-only connections to an SQLite file in write-ahead mode, where readers never wait for the writer. */
export class SqliteReaders {
  readonly #path: string
  readonly #report: (error: unknown, interaction: string) => void
  readonly #free: SqliteConnection[] = []
  readonly #waiting: ((connection: SqliteConnection) => void)[] = []
  #opened = 0

  constructor(path: string, report: (error: unknown, interaction: string) => void) {
    this.#path = path
    this.#report = report
  }

  /** Runs `fn` over one snapshot of the database; waits for a free connection in order of arrival. */
  async run<T>(name: string, fn: (txn: Transaction) => Promise<T>): Promise<T> {
    const connection = this.#take() ?? (await new Promise<SqliteConnection>((resolve) => this.#waiting.push(resolve)))
    const txn = new SqliteTransaction(name, connection)
    let value: T
    try {
      connection.run('BEGIN', [])
      value = await insideInteraction(name, () => fn(txn))
      txn.state.end()
      if (txn.state.failure !== undefined) throw txn.state.failure
      connection.run('COMMIT', [])
    } catch (error) {
      txn.state.end()
      if (connection.inTransaction) connection.run('ROLLBACK', [])
      throw error
    } finally {
      this.#giveBack(connection)
    }
    txn.state.committed((error) => this.#report(error, name))
    return value
  }

  /** Waits for interactions under way, then closes. */
  async close(): Promise<void> {
    while (this.#opened > 0) {
      const connection =
        this.#free.pop() ?? (await new Promise<SqliteConnection>((resolve) => this.#waiting.push(resolve)))
      connection.close()
      this.#opened -= 1
    }
  }

  #take(): SqliteConnection | undefined {
    const free = this.#free.pop()
    if (free !== undefined || this.#opened >= readConnectionsMax) return free
    const connection = new SqliteConnection(this.#path, { readOnly: true })
    this.#opened += 1
    return connection
  }

  #giveBack(connection: SqliteConnection): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(connection)
    else next(connection)
  }
}
