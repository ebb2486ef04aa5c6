import type { PoolClient, QueryResult } from 'pg'

import { DatabaseError, type DatabaseErrorKind } from '../database-error.ts'
import type { SqlValue, Transaction } from '../transaction.ts'
import type { InteractionAccount } from './interaction-account.ts'
import { InteractionState } from './interaction-scope.ts'
import { sqlState } from './postgres-errors.ts'
import { postgresStatement } from './postgres-text.ts'

/** Statements of a `runMany` that are on their way at once. */
const pipelinedMax = 1000

/** A transaction on a pooled connection. Calls that do not wait for each other travel together. */
export class PostgresTransaction implements Transaction {
  readonly name: string
  readonly state: InteractionState
  readonly #client: PoolClient

  constructor(name: string, client: PoolClient, account: InteractionAccount | undefined) {
    this.name = name
    this.state = new InteractionState(name, account)
    this.#client = client
  }

  async all<T extends object>(sql: string, ...params: SqlValue[]): Promise<T[]> {
    return (await this.#query(sql, params)).rows as T[]
  }

  async get<T extends object>(sql: string, ...params: SqlValue[]): Promise<T | undefined> {
    return (await this.#query(sql, params)).rows[0] as T | undefined
  }

  async run(sql: string, ...params: SqlValue[]): Promise<number> {
    return (await this.#query(sql, params)).rowCount ?? 0
  }

  async runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<void> {
    for (let first = 0; first < rows.length; first += pipelinedMax) {
      const results = rows.slice(first, first + pipelinedMax).map((row) => this.#query(sql, row))
      for (const result of await Promise.allSettled(results)) {
        if (result.status === 'rejected') throw result.reason
      }
    }
  }

  afterCommit(callback: () => void): void {
    this.state.addAfterCommit(callback)
  }

  afterRollback(callback: () => void): void {
    this.state.addAfterRollback(callback)
  }

  async #query(sql: string, params: readonly SqlValue[]): Promise<QueryResult> {
    const { state } = this
    state.checkOpen()
    const sentAt = state.account?.now() ?? 0
    try {
      if (params.includes(undefined as unknown as null)) {
        throw new DatabaseError('usage', 'undefined was bound to a placeholder: bind null')
      }
      const { name, text } = postgresStatement(sql)
      const values = params as unknown[]
      const result = await this.#client.query(name === undefined ? { text, values } : { name, text, values })
      if (state.account !== undefined) state.touchedAt = state.account.queried(sql, sentAt, result.rowCount ?? 0)
      return result
    } catch (error) {
      throw state.spoil(explained(error, sql))
    }
  }
}

function explained(error: unknown, sql: string): DatabaseError {
  if (error instanceof DatabaseError) return new DatabaseError(error.kind, `${error.message} in: ${sql}`)
  const reason = error instanceof Error ? error.message : String(error)
  return new DatabaseError(kindOf(error), `${reason} in: ${sql}`, { cause: error })
}

function kindOf(error: unknown): DatabaseErrorKind {
  switch (sqlState(error)) {
    case '23505':
      return 'unique'
    case '57014':
      return 'timeout'
    case '53100':
      return 'full'
    case 'XX001':
    case 'XX002':
      return 'damaged'
    default:
      return 'other'
  }
}
