import { setTimeout as delay } from 'node:timers/promises'

import type { Clock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'
import { runInBackground } from '#observability/request-context.ts'

import { DatabaseError } from './database-error.ts'
import { SmallSteps } from './small-steps.ts'
import type { Database, Transaction } from './transaction.ts'

/** Rest after a step that failed; doubled with each failure that follows. */
const failedRestMsMin = 1_000
const failedRestMsMax = 300_000
/** A migration that takes longer says in the log how far it is, first after this time. */
const tellAfterMs = 2_000
const tellEveryMs = 15_000

/**
 * The part of a migration that takes too long for a start, done in small steps while the server serves. Its numbered
 * migration makes what is new, empty, and says `hasBackground`; from then on the program keeps it right for what it
 * writes, and this sees to the rows that were there before. Whoever reads asks `isDone` and does without until then.
 * docs/recipes/add-a-migration.md
 */
export interface BackgroundMigration {
  /** That of its numbered migration. */
  readonly name: string
  /**
   * Does about `at.size` rows' worth of work, in one transaction with the note of how far it is: after `kill -9` it goes
   * on from the last step that was committed. `at.progress` is what the step before gave, undefined for the first.
   * Like every interaction it may run more than once, and changes nothing outside the transaction. It meets rows
   * that the program has written since, and leaves them as they are.
   */
  step(
    txn: Transaction,
    at: { readonly progress: string | undefined; readonly size: number },
  ): Promise<
    | {
        /** Where the next step begins, as text of the migration's own. */
        readonly progress: string
        /** About how much of the whole is done, 0 to 1. */
        readonly share: number
      }
    | 'done'
  >
}

/** A migration that still runs in the background. */
export interface UnfinishedMigration {
  readonly name: string
  /** About how much of it is done, 0 to 1. */
  readonly share: number
}

/** Runs migrations in the background, one at a time in the order of their numbers, and knows which are done. */
export class BackgroundMigrations {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #done = new Set<string>()
  /** In the order of their numbers. */
  readonly #unfinished: Map<string, number>
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>()
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  private constructor(
    deps: BackgroundDeps,
    rows: readonly { name: string; sharePpm: number; doneTs: number | null }[],
  ) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#logger = deps.logger
    for (const { name, doneTs } of rows) if (doneTs !== null) this.#done.add(name)
    this.#unfinished = new Map(
      rows.filter(({ doneTs }) => doneTs === null).map(({ name, sharePpm }) => [name, sharePpm / 1e6]),
    )
  }

  /** Learns how far the migrations of a migrated database are; begins nothing. */
  static async open(deps: BackgroundDeps): Promise<BackgroundMigrations> {
    return new BackgroundMigrations(
      deps,
      await deps.database.runInteraction(
        'get_background_migrations',
        (txn) =>
          txn.all<{ name: string; sharePpm: number; doneTs: number | null }>(
            `SELECT name, share_ppm AS "sharePpm", done_ts AS "doneTs" FROM background_migrations ORDER BY name`,
          ),
        { readOnly: true },
      ),
    )
  }

  /**
   * Whether a migration has seen to all rows that there were. Never goes from true to false. Constant time.
   * @throws DatabaseError `usage` for a name that no migration with a background part has.
   */
  isDone(name: string): boolean {
    if (this.#done.has(name)) return true
    if (this.#unfinished.has(name)) return false
    throw new DatabaseError('usage', `no migration ${name} runs in the background: does its number say hasBackground?`)
  }

  /** Resolves once a migration is done; never when the server closes before. Throws as `isDone`. */
  whenDone(name: string): Promise<void> {
    if (this.isDone(name)) return Promise.resolve()
    const waiting = this.#waiting.get(name) ?? Promise.withResolvers<void>()
    this.#waiting.set(name, waiting)
    return waiting.promise
  }

  /** Those that still have to end, the one under way first. */
  unfinished(): readonly UnfinishedMigration[] {
    return [...this.#unfinished].map(([name, share]) => ({ name, share }))
  }

  /**
   * Begins to run those that are not done. Resolves when all are, or `stop` was called.
   * @throws DatabaseError `usage` when one that is not done has no steps among `migrations`.
   */
  run(migrations: readonly BackgroundMigration[]): Promise<void> {
    const steps = new Map(migrations.map((migration) => [migration.name, migration]))
    const wanted = [...this.#unfinished.keys()].map((name) => {
      const migration = steps.get(name)
      if (migration === undefined) throw new DatabaseError('usage', `nothing does the background part of ${name}`)
      return migration
    })
    this.#running = runInBackground('background_migrations', async () => {
      for (const migration of wanted) await this.#runOne(migration)
    })
    return this.#running
  }

  /** Ends after the step that is under way; the next start goes on from there. Safe to repeat. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #runOne(migration: BackgroundMigration): Promise<void> {
    const { name } = migration
    const { signal } = this.#stop
    const steps = new SmallSteps({ database: this.#database, clock: this.#clock })
    const begun = this.#clock.monotonic()
    let told = begun + tellAfterMs - tellEveryMs
    let failedRestMs = failedRestMsMin
    while (!signal.aborted) {
      try {
        const now = this.#clock.now()
        const share = await steps.take('background_migration', (txn, size) => takeStep(txn, migration, { size, now }))
        if (share === undefined) return this.#ended(name, this.#clock.monotonic() - begun)
        this.#unfinished.set(name, share)
        failedRestMs = failedRestMsMin
        await steps.rest(signal)
      } catch (error) {
        const restMs = failedRestMs
        failedRestMs = Math.min(2 * failedRestMs, failedRestMsMax)
        this.#logger.error('A step of a migration failed and will be tried again', { migration: name, restMs, error })
        await delay(restMs, undefined, { signal, ref: false }).catch(() => undefined)
      }
      if (this.#clock.monotonic() - told >= tellEveryMs) {
        told = this.#clock.monotonic()
        const percent = Math.floor((this.#unfinished.get(name) ?? 0) * 100)
        this.#logger.info('A migration goes on in the background', { migration: name, percent })
      }
    }
  }

  #ended(name: string, ms: number): void {
    this.#done.add(name)
    this.#unfinished.delete(name)
    this.#waiting.get(name)?.resolve()
    this.#waiting.delete(name)
    const tell = ms < tellAfterMs ? 'debug' : 'info'
    this.#logger[tell]('A migration has ended in the background', { migration: name, seconds: Math.round(ms / 1000) })
  }
}

interface BackgroundDeps {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}

/** One step of a migration with the note of how far it is; gives its share, undefined when nothing is left to do. */
async function takeStep(
  txn: Transaction,
  migration: BackgroundMigration,
  at: { readonly size: number; readonly now: number },
): Promise<number | undefined> {
  const { name } = migration
  // Written first: of several processes the second waits here, and then begins where the first has ended.
  const [row] = await txn.all<{ progress: string | null; doneTs: number | null }>(
    `UPDATE background_migrations SET name = name WHERE name = ? RETURNING progress, done_ts AS "doneTs"`,
    name,
  )
  if (row === undefined || row.doneTs !== null) return undefined
  const next = await migration.step(txn, { progress: row.progress ?? undefined, size: at.size })
  if (next === 'done') {
    await txn.run(
      `UPDATE background_migrations SET progress = NULL, share_ppm = 1000000, done_ts = ? WHERE name = ?`,
      at.now,
      name,
    )
    return undefined
  }
  const sharePpm = Math.round(Math.min(1, Math.max(0, next.share)) * 1e6)
  await txn.run(
    `UPDATE background_migrations SET progress = ?, share_ppm = ? WHERE name = ?`,
    next.progress,
    sharePpm,
    name,
  )
  return sharePpm / 1e6
}

/** Notes that a migration has a background part: done already at `doneTs`, or (null) still to do. */
export async function addBackgroundMigration(txn: Transaction, name: string, doneTs: number | null): Promise<void> {
  await txn.run(
    `INSERT INTO background_migrations (name, share_ppm, done_ts) VALUES (?, ?, ?)`,
    name,
    doneTs === null ? 0 : 1_000_000,
    doneTs,
  )
}

/** The migrations that still have to run in the background, by number; for looking at a database without running it. */
export async function unfinishedMigrations(txn: Transaction): Promise<UnfinishedMigration[]> {
  const rows = await txn.all<{ name: string; sharePpm: number }>(
    `SELECT name, share_ppm AS "sharePpm" FROM background_migrations WHERE done_ts IS NULL ORDER BY name`,
  )
  return rows.map(({ name, sharePpm }) => ({ name, share: sharePpm / 1e6 }))
}
