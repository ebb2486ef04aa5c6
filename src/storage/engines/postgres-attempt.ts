import type { PoolClient, QueryResult } from 'pg'

import { DatabaseError } from '../database-error.ts'
import type { InteractionAccount } from './interaction-account.ts'
import { insideInteraction } from './interaction-scope.ts'
import type { PostgresConnections } from './postgres-connections.ts'
import { isAway, isConflict, isFull } from './postgres-errors.ts'
import { PostgresTransaction } from './postgres-transaction.ts'
import type { Watchdog } from './watchdog.ts'

/** One run of an interaction's body, as asked for. */
export interface Attempt<T> {
  readonly name: string
  readonly body: (txn: PostgresTransaction) => Promise<T>
  readonly readOnly: boolean
  readonly mayTakeLong: boolean
  readonly account: InteractionAccount | undefined
}

/** Which transaction on which connection, so that another connection can ask what became of it. */
export interface TransactionId {
  readonly xid: string
  readonly processId: number
  /** The life of the server in which it had this number (`ServerLives.of`). */
  readonly life: string | undefined
}

/**
 * How one run ended. `again`: nothing was committed, and another run may go better. `failed`: nothing was committed, and it
 * would fail again. `unknown`: the connection broke after the commit had been asked for.
 */
export type Outcome<T> = { readonly txn: PostgresTransaction } & (
  | { readonly end: 'committed'; readonly value: T }
  | { readonly end: 'again'; readonly why: 'conflict' | 'connection'; readonly error: unknown }
  | { readonly end: 'failed'; readonly error: unknown }
  | { readonly end: 'unknown'; readonly value: T; readonly id: TransactionId; readonly error: unknown }
)

/** Runs the body once on `client`, which goes back to the pool, or away when it is broken. */
export async function runOnce<T>(
  attempt: Attempt<T>,
  client: PoolClient,
  { connections, watchdog }: { readonly connections: PostgresConnections; readonly watchdog: Watchdog },
): Promise<Outcome<T>> {
  const { name, account } = attempt
  const txn = new PostgresTransaction(name, client, account)
  const { state } = txn
  let asked: { readonly value: T; readonly id: TransactionId } | undefined
  try {
    const value = await watchdog.watch(
      state,
      async () => {
        // Sent without waiting: it travels together with the first statement.
        const begun = begin(client, attempt)
        begun.catch(() => undefined)
        const given = await insideInteraction(name, () => attempt.body(txn))
        state.end()
        const xid = await begun
        if (state.failure !== undefined) throw state.failure
        if (xid !== undefined)
          asked = { value: given, id: { xid, processId: processIdOf(client), life: connections.lives.of(client) } }
        await commit(client)
        return given
      },
      attempt.mayTakeLong,
    )
    client.release()
    return { txn, end: 'committed', value }
  } catch (error) {
    state.end()
    const reason = state.failure ?? error
    const broken = connections.brokenBy(client) !== undefined || isAway(reason) || isTimeout(error)
    if (broken) cut(client)
    else await rollBack(client)
    if (isConflict(reason)) return { txn, end: 'again', why: 'conflict', error: reason }
    if (broken && asked !== undefined) return { txn, end: 'unknown', ...asked, error }
    if (isAway(reason) || (broken && isConnectionLoss(connections.brokenBy(client)))) {
      return { txn, end: 'again', why: 'connection', error: reason }
    }
    return { txn, end: 'failed', error }
  }
  function isTimeout(error: unknown): boolean {
    return error instanceof DatabaseError && error.kind === 'timeout' && state.failure === undefined
  }
}

/** A session that the server ended because we left its transaction idle would be ended again. */
function isConnectionLoss(error: (Error & { code?: string }) | undefined): boolean {
  return error !== undefined && error.code !== '25P03'
}

/** Begins; for a transaction that may write, gives the number by which its fate can be asked for later. */
async function begin(client: PoolClient, { readOnly, mayTakeLong }: Attempt<unknown>): Promise<string | undefined> {
  const mode = `BEGIN ISOLATION LEVEL REPEATABLE READ${readOnly ? ' READ ONLY' : ''}`
  const patience = mayTakeLong ? '; SET LOCAL statement_timeout = 0' : ''
  if (readOnly) {
    await client.query(`${mode}${patience}`)
    return undefined
  }
  const answers = (await client.query(
    `${mode}${patience}; SELECT pg_current_xact_id()::text AS xid`,
  )) as unknown as QueryResult<{ xid: string }>[]
  return answers.at(-1)?.rows[0]?.xid
}

async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT').catch((error: unknown) => {
    throw isFull(error) ? new DatabaseError('full', 'no space is left to commit', { cause: error }) : error
  })
  if (command !== 'COMMIT') throw new DatabaseError('other', `PostgreSQL answered COMMIT with ${command}`)
}

function processIdOf(client: PoolClient): number {
  return (client as unknown as { readonly processID: number }).processID
}

/** Throws a connection away without saying goodbye: what is on its way on it fails at once. */
function cut(client: PoolClient): void {
  const { connection } = client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }
  connection.stream.destroy()
  client.release(true)
}

/** Ends the transaction and gives the connection back; one that cannot even roll back is thrown away. */
async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
    client.release()
  } catch {
    client.release(true)
  }
}
