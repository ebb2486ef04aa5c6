import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { stateHistory } from '#storage/timeline.ts'
import type { Database } from '#storage/transaction.ts'
import { stateValue } from './state-values.ts'

/** How far back a user's comings and goings are looked through for the last time they were joined. */
const memberEventsMax = 500

/**
 * The member event that ended a user's last stay in a room; undefined when they were never joined, or still are. What
 * arrived before it they may go on reading, and the state after it is the last one that they are shown. One query.
 */
export async function endOfLastStay(
  deps: { readonly database: Database; readonly interned: Interned },
  userId: UserId,
  roomNid: number,
): Promise<EventRow | undefined> {
  const keyNid = await deps.interned.keyNidIfKnown('m.room.member', userId)
  if (keyNid === undefined) return undefined
  const history = await deps.database.runInteraction(
    'end_of_last_stay',
    (txn) => stateHistory(txn, { roomNid, keyNid, limit: memberEventsMax }),
    { readOnly: true },
  )
  const joined = history.findIndex((row) => stateValue(row.json) === 'join')
  return joined > 0 ? history[joined - 1] : undefined
}
