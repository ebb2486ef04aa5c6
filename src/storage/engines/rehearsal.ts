import { isDeepStrictEqual } from 'node:util'

import { DatabaseError } from '../database-error.ts'
import type { Transaction } from '../transaction.ts'
import type { InteractionState } from './interaction-scope.ts'

/**
 * For finding bodies that may not run more than once: runs `fn`, takes back what it did, runs it again and compares what
 * both runs gave.
 * @throws DatabaseError `usage` when they differ: the body keeps something between its runs, or draws lots.
 */
export async function rehearsed<T>(
  txn: Transaction & { readonly state: InteractionState },
  fn: (txn: Transaction) => Promise<T>,
): Promise<T> {
  await txn.run('SAVEPOINT rehearsal')
  const first = await fn(txn)
  await txn.run('ROLLBACK TO SAVEPOINT rehearsal')
  await txn.run('RELEASE SAVEPOINT rehearsal')
  txn.state.forgetCallbacks()
  const second = await fn(txn)
  if (isDeepStrictEqual(first, second)) return second
  throw new DatabaseError('usage', `interaction ${txn.name} gave something else when it was run again`)
}
