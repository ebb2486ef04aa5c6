import { isDeepStrictEqual } from 'node:util'

import { DatabaseError } from '../database-error.ts'
import type { SqlValue, Transaction } from '../transaction.ts'
import type { InteractionState } from './interaction-scope.ts'

/**
 * For finding bodies that may not run more than once: runs `fn`, takes back what it did, runs it again and compares what
 * both runs asked of the database, and what they gave.
 * @throws DatabaseError `usage` when they differ: the body keeps something between its runs, looks at what others change
 *   meanwhile, or draws lots.
 */
export async function rehearsed<T>(
  txn: Transaction & { readonly state: InteractionState },
  fn: (txn: Transaction) => Promise<T>,
): Promise<T> {
  await txn.run('SAVEPOINT rehearsal')
  const before = new Witness(txn)
  const first = await fn(before)
  await txn.run('ROLLBACK TO SAVEPOINT rehearsal')
  await txn.run('RELEASE SAVEPOINT rehearsal')
  txn.state.forgetCallbacks()
  const again = new Witness(txn)
  const second = await fn(again)
  const sql = before.differsAt(again)
  if (sql !== undefined) throw unlike(txn, `asked for something else when it was run again: ${sql}`)
  if (!isDeepStrictEqual(first, second)) throw unlike(txn, 'gave something else when it was run again')
  return second
}

function unlike({ name }: Transaction, what: string): DatabaseError {
  return new DatabaseError('usage', `interaction ${name} ${what}`)
}

/** A statement with copies of its parameters: the body may change them afterwards. */
interface Statement {
  readonly sql: string
  readonly rows: readonly (readonly SqlValue[])[]
}

/** Passes all on to a transaction, and keeps which statements there were. */
class Witness implements Transaction {
  readonly #txn: Transaction
  readonly #statements: Statement[] = []

  constructor(txn: Transaction) {
    this.#txn = txn
  }

  get name(): string {
    return this.#txn.name
  }

  all<T extends object>(sql: string, ...params: SqlValue[]): Promise<T[]> {
    this.#note(sql, [params])
    return this.#txn.all(sql, ...params)
  }

  get<T extends object>(sql: string, ...params: SqlValue[]): Promise<T | undefined> {
    this.#note(sql, [params])
    return this.#txn.get(sql, ...params)
  }

  run(sql: string, ...params: SqlValue[]): Promise<number> {
    this.#note(sql, [params])
    return this.#txn.run(sql, ...params)
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<void> {
    this.#note(sql, rows)
    return this.#txn.runMany(sql, rows)
  }

  afterCommit(callback: () => void): void {
    this.#txn.afterCommit(callback)
  }

  afterRollback(callback: () => void): void {
    this.#txn.afterRollback(callback)
  }

  /** The first statement of either that is not the other's, too; undefined when there is none. */
  differsAt(other: Witness): string | undefined {
    const [one, two] = [this.#statements, other.#statements]
    for (let at = 0; at < Math.max(one.length, two.length); at++)
      if (!isDeepStrictEqual(one[at], two[at])) return (two[at] ?? one[at])?.sql
    return undefined
  }

  /** A list is asked for as a set, and its order may be that in which the database gave something before. */
  #note(sql: string, rows: Statement['rows']): void {
    const sorted = (value: SqlValue): SqlValue => (Array.isArray(value) ? value.toSorted() : value)
    this.#statements.push({ sql, rows: structuredClone(rows.map((row) => row.map(sorted))) })
  }
}
