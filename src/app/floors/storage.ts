import { runInBackground } from '#observability/request-context.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import { Interned } from '#storage/interned.ts'
import { migrate } from '#storage/migrate.ts'
import { keepServerFact } from '#storage/server-facts.ts'
import type { Database, OpenDatabase } from '#storage/transaction.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import { Failure } from '../failure.ts'
import type { Ground } from './ground.ts'

/** The database, open and at the program's own version. */
export interface StorageFloor {
  readonly database: Database
  readonly ids: IdBlocks
  readonly interned: Interned
  /** Says whether tables that came with a later version hold what was there before. */
  readonly backgroundMigrations: BackgroundMigrations
}

/**
 * Opens and migrates the database. Throws DatabaseError when it is in use, newer than the program, or out of reach; Failure when
 * it belongs to a server of another name.
 */
export async function openStorage({
  config,
  logger,
  clock,
  metrics,
}: Ground): Promise<StorageFloor & { readonly database: OpenDatabase }> {
  const database = await openDatabase({
    ...config.database,
    slowQueryMs: config.log.slowQueryMs,
    metrics,
    clock,
    logger,
  })
  try {
    const onBegin = (names: readonly string[]): void =>
      logger.info('Bringing the database to this version', { migrations: names })
    const onProgress = (name: string): void => logger.debug('Migrated the database', { migration: name })
    const backgroundMigrations = await runInBackground('migrate', async () => {
      await migrate(database, { clock, onBegin, onProgress })
      await checkServerName(database, config.serverName)
      return BackgroundMigrations.open({ database, clock, logger })
    })
    const ids = new IdBlocks({ database })
    return { database, ids, interned: new Interned({ database, ids }), backgroundMigrations }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Every id in the database ends in the server's name, so a database belongs to one name for ever. */
async function checkServerName(database: Database, serverName: ServerName): Promise<void> {
  const kept = await database.runInteraction('keep_server_name', (txn) =>
    keepServerFact(txn, 'server_name', serverName),
  )
  if (kept !== serverName) {
    throw new Failure(
      `The database belongs to the server ${kept}, and the configuration says ${serverName}. Change server_name back, or use another database.`,
    )
  }
}
