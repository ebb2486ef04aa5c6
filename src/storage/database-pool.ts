import { type Clock, systemClock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'
import { type Metrics, uncounted } from '#observability/metrics.ts'

import { DatabaseError } from './database-error.ts'
import type { EngineDeps } from './engines/engine-deps.ts'
import { InteractionAccounting } from './engines/interaction-account.ts'
import { NoSpace } from './engines/no-space.ts'
import type { PostgresDatabase } from './engines/postgres.ts'
import { SqliteDatabase } from './engines/sqlite.ts'
import { SqliteReading } from './engines/sqlite-reading.ts'
import type { Database, OpenDatabase } from './transaction.ts'

/** How long an interaction waits for its turn when the options do not say. */
const waitMsDefault = 20_000
/** How long a statement, or the time between two of an interaction, may take when the options do not say. */
const quietMsDefault = 60_000
/** What counts as a slow query when the options do not say. */
const slowQueryMsDefault = 500

export interface DatabaseOptions {
  /** `sqlite:/dir/file.db`, or `postgres://user:password@host:port/name`. */
  readonly url: string
  /** Connections to PostgreSQL at most, for the whole process. */
  readonly poolSize?: number
  /** Milliseconds that an interaction waits for its turn, or for PostgreSQL to come back, before the client is told to come again. */
  readonly waitMsMax?: number
  /** Milliseconds that a statement, or the time between two of an interaction, may take before it is ended. */
  readonly quietMsMax?: number
  /** Milliseconds from which on a query is written to the log. */
  readonly slowQueryMs?: number
  /** Where interactions are counted. */
  readonly metrics?: Metrics
  /** False counts and times nothing: for measuring what that costs. */
  readonly accounting?: boolean
  /** Run the body of each interaction twice and compare what it did: finds those that may not run again. For tests. */
  readonly rehearse?: boolean
  readonly clock?: Clock
  readonly logger: Logger
}

/**
 * Opens the database named by `options.url`; runs no migration.
 * @throws DatabaseError when the URL is of no known kind, or the database is in use by another process.
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const { url } = options
  const deps = engineDeps(options)
  if (url.startsWith('sqlite:')) return new SqliteDatabase(url.slice('sqlite:'.length), deps)
  return (await postgresFor(url)).open(url, options.poolSize, deps)
}

/**
 * Opens the database to be read alone, also while a server has it open.
 * @throws DatabaseError when the URL is of no known kind.
 */
export async function openDatabaseToRead(options: DatabaseOptions): Promise<Database> {
  const { url } = options
  if (url.startsWith('sqlite:')) return new SqliteReading(url.slice('sqlite:'.length), engineDeps(options))
  return (await postgresFor(url)).openToRead(url, options.poolSize, engineDeps(options))
}

/** Loaded when a URL is PostgreSQL's; any other is refused. */
async function postgresFor(url: string): Promise<typeof PostgresDatabase> {
  if (/^postgres(?:ql)?:/.test(url)) return (await import('./engines/postgres.ts')).PostgresDatabase
  throw new DatabaseError('usage', `database URL "${url.split(':', 1)[0]}:…" is neither sqlite: nor postgres:`)
}

function engineDeps(options: DatabaseOptions): EngineDeps {
  const { logger, clock = systemClock, slowQueryMs = slowQueryMsDefault, metrics = uncounted } = options
  return {
    clock,
    logger,
    accounting:
      options.accounting === false ? undefined : new InteractionAccounting({ metrics, logger, clock, slowQueryMs }),
    report: (error, interaction) => {
      logger.error('An error nobody awaits came out of the database', { interaction, error })
    },
    noSpace: new NoSpace({ clock, logger }),
    waitMsMax: options.waitMsMax ?? waitMsDefault,
    quietMsMax: options.quietMsMax ?? quietMsDefault,
    rehearse: options.rehearse ?? false,
  }
}
