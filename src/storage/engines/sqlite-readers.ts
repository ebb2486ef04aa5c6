import type { InteractionOptions, Transaction } from '../transaction.ts'
import type { EngineDeps } from './engine-deps.ts'
import { askerFor, insideInteraction } from './interaction-scope.ts'
import { rehearsed } from './rehearsal.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { Turns } from './turns.ts'
import type { Watchdog } from './watchdog.ts'

/** Connections that read. Reads run on this thread, so more would only help interactions that overlap while they await. */
const readConnectionsMax = 4

/** Read-only connections to an SQLite file in write-ahead mode, where readers never wait for the writer. */
export class SqliteReaders {
  readonly turns: Turns
  readonly #path: string
  readonly #deps: EngineDeps
  readonly #watchdog: Watchdog
  readonly #free: SqliteConnection[] = []

  constructor(path: string, deps: EngineDeps, watchdog: Watchdog) {
    this.#path = path
    this.#deps = deps
    this.#watchdog = watchdog
    this.turns = new Turns({ size: readConnectionsMax, waitMsMax: deps.waitMsMax })
  }

  /** Runs `fn` over one snapshot of the database; waits for a free connection in order of arrival. */
  async run<T>(name: string, fn: (txn: Transaction) => Promise<T>, options: InteractionOptions): Promise<T> {
    const account = this.#deps.accounting?.open(name)
    let succeeded = false
    try {
      const asker = askerFor(options)
      if (!this.turns.tryTake(asker)) await this.turns.take(asker)
      try {
        account?.began()
        const value = await this.#read(name, fn, account)
        succeeded = true
        return value
      } finally {
        this.turns.give()
      }
    } finally {
      account?.ended(succeeded)
    }
  }

  /** Waits for interactions under way, then closes. */
  async close(): Promise<void> {
    for (let taken = 0; taken < readConnectionsMax; taken += 1) {
      await this.turns.take().catch((error: unknown) => this.#deps.report(error, 'close'))
    }
    for (const connection of this.#free.splice(0)) connection.close()
  }

  async #read<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    account: SqliteTransaction['state']['account'],
  ): Promise<T> {
    const connection = this.#free.pop() ?? new SqliteConnection(this.#path, { readOnly: true })
    const txn = new SqliteTransaction(name, connection, account)
    const { state } = txn
    const report = (error: unknown): void => this.#deps.report(error, name)
    let value: T
    try {
      connection.run('BEGIN', [])
      const body = this.#deps.rehearse ? (): Promise<T> => rehearsed(txn, fn) : (): Promise<T> => fn(txn)
      value = await this.#watchdog.watch(state, () => insideInteraction(name, body))
      state.end()
      if (state.failure !== undefined) throw state.failure
      connection.run('COMMIT', [])
    } catch (error) {
      state.end()
      if (connection.inTransaction) connection.run('ROLLBACK', [])
      this.#free.push(connection)
      state.rolledBack(report)
      throw error
    }
    this.#free.push(connection)
    state.committed(report)
    return value
  }
}
