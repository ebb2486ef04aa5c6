import type { SqlValue, Transaction } from '../transaction.ts'
import type { InteractionAccount } from './interaction-account.ts'
import { InteractionState } from './interaction-scope.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** A transaction on an SQLite connection. Its calls end before they return; they are promises for the other engine's sake. */
export class SqliteTransaction implements Transaction {
  readonly name: string
  readonly state: InteractionState
  readonly #connection: SqliteConnection

  constructor(name: string, connection: SqliteConnection, account: InteractionAccount | undefined) {
    this.name = name
    this.state = new InteractionState(name, account)
    this.#connection = connection
  }

  async all<T extends object>(sql: string, ...params: SqlValue[]): Promise<T[]> {
    const sentAt = this.#begin()
    try {
      const rows = this.#connection.all(sql, params)
      this.#done(sql, sentAt, rows.length)
      return rows as T[]
    } catch (error) {
      throw this.state.spoil(error)
    }
  }

  async get<T extends object>(sql: string, ...params: SqlValue[]): Promise<T | undefined> {
    const sentAt = this.#begin()
    try {
      const row = this.#connection.get(sql, params)
      this.#done(sql, sentAt, row === undefined ? 0 : 1)
      return row as T | undefined
    } catch (error) {
      throw this.state.spoil(error)
    }
  }

  async run(sql: string, ...params: SqlValue[]): Promise<number> {
    const sentAt = this.#begin()
    try {
      const changed = this.#connection.run(sql, params)
      this.#done(sql, sentAt, changed)
      return changed
    } catch (error) {
      throw this.state.spoil(error)
    }
  }

  async runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<void> {
    let sentAt = this.#begin()
    try {
      for (const row of rows) {
        const changed = this.#connection.run(sql, row)
        sentAt = this.#done(sql, sentAt, changed)
      }
    } catch (error) {
      throw this.state.spoil(error)
    }
  }

  afterCommit(callback: () => void): void {
    this.state.addAfterCommit(callback)
  }

  afterRollback(callback: () => void): void {
    this.state.addAfterRollback(callback)
  }

  #begin(): number {
    this.state.checkOpen()
    // SQLite may have rolled back by itself: what came after would be a transaction of its own, and stay.
    if (this.state.failure !== undefined) throw this.state.failure
    return this.state.account?.now() ?? 0
  }

  #done(sql: string, sentAt: number, rows: number): number {
    const { account } = this.state
    if (account === undefined) return 0
    const now = account.queried(sql, sentAt, rows)
    this.state.touchedAt = now
    return now
  }
}
