import type { Database, Transaction } from '#storage/transaction.ts'

/** A database that counts the rows it gives: `rowsOf` says how many there were while `work` ran, by interaction. */
export function rowCountingDatabase(plain: Database): {
  readonly database: Database
  readonly rowsOf: (work: () => Promise<unknown>) => Promise<ReadonlyMap<string, number>>
} {
  let counts = new Map<string, number>()
  const count = <T>(name: string, rows: readonly T[]): T[] => {
    counts.set(name, (counts.get(name) ?? 0) + rows.length)
    return [...rows]
  }
  const counting = (txn: Transaction): Transaction => ({
    name: txn.name,
    all: async <T extends object>(sql: string, ...params: Parameters<Transaction['all']>[1][]) =>
      count(txn.name, await txn.all<T>(sql, ...params)),
    get: async <T extends object>(sql: string, ...params: Parameters<Transaction['all']>[1][]) => {
      const row = await txn.get<T>(sql, ...params)
      count(txn.name, row === undefined ? [] : [row])
      return row
    },
    run: (sql, ...params) => txn.run(sql, ...params),
    runMany: (sql, rows) => txn.runMany(sql, rows),
    afterCommit: (callback) => txn.afterCommit(callback),
    afterRollback: (callback) => txn.afterRollback(callback),
  })
  const database: Database = {
    engine: plain.engine,
    runInteraction: (name, fn, options) => plain.runInteraction(name, (txn) => fn(counting(txn)), options),
    close: () => plain.close(),
  }
  const rowsOf = async (work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> => {
    counts = new Map()
    await work()
    return counts
  }
  return { database, rowsOf }
}
