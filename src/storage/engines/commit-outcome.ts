import { setTimeout as delay } from 'node:timers/promises'

import type { PoolClient } from 'pg'

import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'

import type { TransactionId } from './postgres-attempt.ts'
import type { PostgresConnections } from './postgres-connections.ts'
import { isAway, sqlState } from './postgres-errors.ts'

/** Time between two questions. */
const askAgainMs = 50

type Answer = 'committed' | 'aborted' | 'in progress' | 'unknown'

/**
 * Finds out what became of a transaction whose connection broke after its commit had been asked for. One that is still in
 * progress never got that wish, or is at it just now: its session is ended, which lets a commit under way finish, and it
 * is asked about again. Undefined when the server cannot say, or not before `deadline`.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 */
export async function commitOutcome(
  id: TransactionId,
  connections: PostgresConnections,
  { clock, deadline }: { readonly clock: Clock; readonly deadline: number },
): Promise<'committed' | 'aborted' | undefined> {
  do {
    try {
      const client = await connections.connect(deadline)
      try {
        await connections.prepared(client)
        const answer = await ask(client, id, connections)
        if (answer === 'unknown') return undefined
        if (answer !== 'in progress') return answer
        // The number of the process may belong to another session by now, so the transaction is named with it.
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE pid = $1 AND backend_xid = ($2::xid8)::xid`,
          [id.processId, id.xid],
        )
      } finally {
        client.release()
      }
    } catch (error) {
      // A number that has not been given out: it was forgotten in a crash, with all that was done under it.
      if (sqlState(error) === '22023') return 'aborted'
      // When it is only away again, `connect` waits for it, up to the deadline.
      if (error instanceof MatrixError) return undefined
      if (!isAway(error)) throw error
    }
    await delay(askAgainMs)
  } while (clock.monotonic() < deadline)
  return undefined
}

async function ask(client: PoolClient, id: TransactionId, connections: PostgresConnections): Promise<Answer> {
  const { rows } = await client.query<{ status: Answer | null }>(`SELECT pg_xact_status($1::xid8) AS status`, [id.xid])
  const status = rows[0]?.status ?? 'unknown'
  // The life of this connection has been noted: it was asked for before this, on the same connection.
  const standing = connections.lives.standing(id.xid, id.life)
  if (standing === 'same life') return status
  if (standing === 'given again') return 'aborted'
  // Nothing is in progress from one life to the next, so that must be another's. What is said not to have happened did not.
  if (status === 'aborted' || status === 'in progress') return 'aborted'
  return standing === 'kept' ? status : 'unknown'
}
