import type { Database } from '#storage/transaction.ts'

/** A database that counts its interactions: `counted` gives how many there were while `work` ran. */
export function countingDatabase(plain: Database): {
  readonly database: Database
  readonly counted: (work: () => Promise<void>) => Promise<number>
} {
  let interactions = 0
  const database: Database = {
    engine: plain.engine,
    runInteraction: (name, fn, options) => {
      interactions++
      return plain.runInteraction(name, fn, options)
    },
    close: () => plain.close(),
  }
  const counted = async (work: () => Promise<void>): Promise<number> => {
    const before = interactions
    await work()
    return interactions - before
  }
  return { database, counted }
}
