import { openDatabase } from '#storage/database-pool.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import { Interned } from '#storage/interned.ts'
import { migrate } from '#storage/migrate.ts'
import type { Database } from '#storage/transaction.ts'
import type { Ground } from './ground.ts'

/** The database, open and at the program's own version. */
export interface StorageFloor {
  readonly database: Database
  readonly ids: IdBlocks
  readonly interned: Interned
}

/** Opens and migrates the database. Throws DatabaseError when it is in use, newer than the program, or out of reach. */
export async function openStorage({ config, logger, clock }: Ground): Promise<StorageFloor> {
  const database = await openDatabase({ url: config.database.url, poolSize: config.database.poolSize, logger })
  try {
    await migrate(database, { clock, onProgress: (name) => logger.debug('Migrated the database', { migration: name }) })
  } catch (error) {
    await database.close()
    throw error
  }
  const ids = new IdBlocks({ database })
  return { database, ids, interned: new Interned({ database, ids }) }
}
