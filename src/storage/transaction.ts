/** What may be bound to a placeholder. Integers are safe integers; booleans are stored as 0 and 1. */
export type SqlValue = string | number | null | Uint8Array | readonly number[] | readonly string[]

/**
 * An open transaction. SQL is written once for both engines:
 * `?` is a placeholder; `IN @ints(?)` and `IN @texts(?)` take an array; `INTEGER`, `TEXT`, `BLOB` are the types;
 * `ON CONFLICT … DO UPDATE`, `RETURNING` and common table expressions are what both speak; `FOR KEY SHARE` at the end of a
 * query keeps its rows from being deleted before this transaction ends.
 * The text of a statement must be a constant: engines keep prepared statements by text. A column alias with capitals
 * stands in double quotes (`AS "eventNid"`), or PostgreSQL gives it in small letters.
 * A statement that fails spoils the transaction: `fn` lets the error out and does not go on.
 */
export interface Transaction {
  /** The name given to `runInteraction`, for errors, logs and metrics. */
  readonly name: string
  /** Every row of a query, as objects by column name. Integers come as `number`, blobs as `Uint8Array`. */
  all<T extends object>(sql: string, ...params: SqlValue[]): Promise<T[]>
  /** The first row of a query, or undefined. */
  get<T extends object>(sql: string, ...params: SqlValue[]): Promise<T | undefined>
  /** Runs a statement; gives how many rows it changed. */
  run(sql: string, ...params: SqlValue[]): Promise<number>
  /** Runs one statement for each row of parameters, in order, in one trip to the database. */
  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<void>
  /** Calls `callback` once, after this transaction has become durable; never when it fails. */
  afterCommit(callback: () => void): void
  /**
   * Calls `callback` once, when the interaction has failed for good and it is sure that nothing of it was committed. Of
   * an interaction that ran more than once, those of the last run are called.
   */
  afterRollback(callback: () => void): void
}

export interface InteractionOptions {
  /** The interaction only reads: it never waits for a writer, and sees one consistent snapshot. */
  readonly readOnly?: boolean
  /**
   * Aborted when nobody waits for the answer any more: ends the wait for a turn. What has begun goes on. When it is not
   * given, the wait ends with the asker that the running code works for alone (`observability/asker.ts`).
   */
  readonly signal?: AbortSignal
  /** No statement of it is ended for taking long: for migrations and other work in which that is expected. */
  readonly mayTakeLong?: boolean
}

/** How full the gate is. */
export interface PoolFigures {
  /** Interactions that can be under way at once. */
  readonly size: number
  readonly inUse: number
  readonly waiting: number
  /** Turned away since the start, because too many waited or it took too long. */
  readonly refused: number
}

/** The one gate to the database, the same on both engines. */
export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  /**
   * Runs `fn` in a transaction and gives what it gives, once that is durable on disk. `name` (snake_case, a constant)
   * stands in logs and metrics. `fn` may run more than once when the engine asks for a retry, so it changes nothing it
   * closes over, looks at nothing that others change meanwhile, reads no clock and draws no lots, and leaves its results
   * by its return value alone; it awaits nothing but its transaction.
   * Nested interactions are refused. A connection that breaks is replaced and `fn` run again; when it breaks during the
   * commit, the server is asked whether that happened.
   * @throws MatrixError 503 with `retry_after_ms` when no turn comes in time; DatabaseError `timeout` when it took too
   *   long; `unknown` when nobody could say whether the commit happened; whatever `fn` throws.
   */
  runInteraction<T>(name: string, fn: (txn: Transaction) => Promise<T>, options?: InteractionOptions): Promise<T>
  close(): Promise<void>
}

/** The database as whoever opened it has it. */
export interface OpenDatabase extends Database {
  readonly pool: PoolFigures
}
