import { type Logger } from '#observability/logger.ts'

import { DatabaseError } from './database-error.ts'
import { SqliteDatabase } from './engines/sqlite.ts'
import { type Database } from './transaction.ts'

export interface DatabaseOptions {
  /** `sqlite:/dir/file.db`, or `postgres://user:password@host:port/name`. */
  readonly url: string
  /** Connections to PostgreSQL at most, for the whole process. */
  readonly poolSize?: number
  /** Milliseconds that an interaction waits for one of them before the client is told to come again. */
  readonly waitMsMax?: number
  readonly logger: Logger
}

/**
 * Opens the database named by `options.url`; runs no migration.
 * @throws DatabaseError when the URL is of no known kind, or the database is in use by another process.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, logger } = options
  const report = (error: unknown, interaction: string): void => {
    logger.error('An error nobody awaits came out of the database', { interaction, error })
  }
  if (url.startsWith('sqlite:')) return new SqliteDatabase(url.slice('sqlite:'.length), report)
  if (/^postgres(?:ql)?:/.test(url)) {
    const { PostgresDatabase } = await import('./engines/postgres.ts')
    return PostgresDatabase.open(url, { ...options, report })
  }
  throw new DatabaseError('usage', `database URL "${url.split(':', 1)[0]}:…" is neither sqlite: nor postgres:`)
}
