/** Writes numbers from the one given on into table `counted` as fast as it can, and prints each one once its commit is answered. */
import { silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'

const database = await openDatabase({ url: process.argv[2] ?? '', poolSize: 4, logger: silentLogger })
let last = Number(process.argv[3] ?? 0)
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) {
      last += 1
      const number = last
      await database.runInteraction('count', (txn) => txn.run(`INSERT INTO counted (number) VALUES (?)`, number))
      process.stdout.write(`${number}\n`)
    }
  }),
)
