import { type SqlValue, type Transaction } from '../transaction.ts'
import { InteractionState } from './interaction-scope.ts'
import { type SqliteConnection } from './sqlite-connection.ts'

/** A transaction on an SQLite connection. Its calls end before they return; they are promises for the other engine's sake. */
export class SqliteTransaction implements Transaction {
  readonly name: string
  readonly state: InteractionState
  readonly #connection: SqliteConnection

  constructor(name: string, connection: SqliteConnection) {
    this.name = name
    this.state = new InteractionState(name)
    this.#connection = connection
  }

  async all<T extends object>(sql: string, ...params: SqlValue[]): Promise<T[]> {
    return this.#do(() => this.#connection.all(sql, params)) as T[]
  }

  async get<T extends object>(sql: string, ...params: SqlValue[]): Promise<T | undefined> {
    return this.#do(() => this.#connection.get(sql, params)) as T | undefined
  }

  async run(sql: string, ...params: SqlValue[]): Promise<number> {
    return this.#do(() => this.#connection.run(sql, params))
  }

  async runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<void> {
    this.#do(() => {
      for (const row of rows) this.#connection.run(sql, row)
    })
  }

  afterCommit(callback: () => void): void {
    this.state.addCallback(callback)
  }

  #do<T>(statement: () => T): T {
    this.state.checkOpen()
    try {
      return statement()
    } catch (error) {
      throw this.state.spoil(error)
    }
  }
}
