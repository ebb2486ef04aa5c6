import type { Clock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'
import type { Counter, Histogram, Metrics } from '#observability/metrics.ts'
import { currentRequest, type RequestContext } from '#observability/request-context.ts'
import { span, type Span } from '#observability/spans.ts'

/** The numbers kept for all interactions of one name. */
interface NamedNumbers {
  readonly wait: Histogram
  readonly run: Histogram
  readonly queries: Counter
  readonly rows: Counter
  readonly retries: Counter
  readonly failures: Counter
}

export interface AccountingDeps {
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
  /** A query that takes longer is written to the log. */
  readonly slowQueryMs: number
}

/** Accounts for every interaction: by name in the metrics, and in the context of the request that it works for. */
export class InteractionAccounting {
  readonly clock: Clock
  readonly slowQueryMs: number
  readonly #logger: Logger
  readonly #byName = new Map<string, NamedNumbers>()
  readonly #numbersOf: (name: string) => NamedNumbers

  constructor({ metrics, logger, clock, slowQueryMs }: AccountingDeps) {
    this.clock = clock
    this.slowQueryMs = slowQueryMs
    this.#logger = logger
    const labels = ['interaction']
    const seconds = (part: string, help: string) =>
      metrics.histogram({ name: `tessera_database_interaction_${part}_seconds`, help, labels })
    const counter = (part: string, help: string) =>
      metrics.counter({ name: `tessera_database_interaction_${part}_total`, help, labels })
    const wait = seconds('wait', 'Time an interaction waited for a connection or for the writer.')
    const run = seconds('run', 'Time an interaction took once it had begun, with all its runs and its commit.')
    const queries = counter('queries', 'Statements sent to the database.')
    const rows = counter('rows', 'Rows read and changed.')
    const retries = counter('retries', 'Runs repeated because of a conflict or a lost connection.')
    const failures = counter('failures', 'Interactions that ended with an error.')
    this.#numbersOf = (name) => ({
      wait: wait.with(name),
      run: run.with(name),
      queries: queries.with(name),
      rows: rows.with(name),
      retries: retries.with(name),
      failures: failures.with(name),
    })
  }

  /** Opens the account of one interaction, at the moment it is asked for. */
  open(name: string): InteractionAccount {
    return new InteractionAccount(name, this)
  }

  /** Writes a slow query to the log; of its values nothing. */
  slow(interaction: string, sql: string, tookMs: number): void {
    this.#logger.warn('Slow query', { interaction, ms: Math.round(tookMs), sql: sql.replaceAll(/\s+/g, ' ').trim() })
  }

  /** The numbers of one name. */
  numbers(name: string): NamedNumbers {
    let numbers = this.#byName.get(name)
    if (numbers === undefined) {
      numbers = this.#numbersOf(name)
      this.#byName.set(name, numbers)
    }
    return numbers
  }
}

/** Where the time of one interaction goes. */
export class InteractionAccount {
  readonly #name: string
  readonly #accounting: InteractionAccounting
  readonly #context: RequestContext | undefined
  readonly #askedAt: number
  readonly #span: Span | undefined
  #begunAt: number | undefined
  #runs = 0
  #queries = 0
  #rows = 0

  constructor(name: string, accounting: InteractionAccounting) {
    this.#name = name
    this.#accounting = accounting
    this.#context = currentRequest()
    this.#askedAt = accounting.clock.monotonic()
    this.#span = span(name, 'interaction')
  }

  /** The moment, for `queried`. */
  now(): number {
    return this.#accounting.clock.monotonic()
  }

  /** The wait is over: the body runs now. Called again for each further run. */
  began(): void {
    this.#runs += 1
    this.#begunAt ??= this.#accounting.clock.monotonic()
  }

  /** Counts a query that was sent at `sentAt` and has been answered now; gives the moment. */
  queried(sql: string, sentAt: number, rows: number): number {
    this.#queries += 1
    this.#rows += rows
    const now = this.#accounting.clock.monotonic()
    if (now - sentAt > this.#accounting.slowQueryMs) this.#accounting.slow(this.#name, sql, now - sentAt)
    this.#span?.child(sql, 'query', sentAt, now)
    return now
  }

  /** Closes the account: the interaction has become durable, or has failed. */
  ended(succeeded: boolean): void {
    const now = this.#accounting.clock.monotonic()
    const begunAt = this.#begunAt ?? now
    const waitMs = begunAt - this.#askedAt
    const runMs = now - begunAt
    const numbers = this.#accounting.numbers(this.#name)
    numbers.wait.observe(waitMs / 1000)
    numbers.run.observe(runMs / 1000)
    numbers.queries.add(this.#queries)
    numbers.rows.add(this.#rows)
    if (this.#runs > 1) numbers.retries.add(this.#runs - 1)
    if (!succeeded) numbers.failures.add()
    const context = this.#context
    if (context !== undefined) {
      context.databaseWaitMs += waitMs
      context.databaseRunMs += runMs
      context.databaseQueries += this.#queries
      context.databaseRows += this.#rows
    }
    this.#span?.end(succeeded)
  }
}
