import type { UserId } from '#protocol/identifiers.ts'
import type { Interned } from '#storage/interned.ts'
import { stateHistory } from '#storage/timeline.ts'
import type { Database } from '#storage/transaction.ts'
import type { MembershipRow } from '../memberships.ts'
import { stateValue } from './state-values.ts'

/** How far back a user's comings and goings are looked through for the last time they were joined. */
const memberEventsMax = 500

/**
 * The position at which somebody's last stay in a room ended; undefined when they have had none, or it goes on. What
 * arrived before it they may go on reading. One query for somebody who was gone before this was noted, none otherwise.
 */
export async function endOfLastStay(
  deps: { readonly database: Database; readonly interned: Interned },
  userId: UserId,
  row: MembershipRow,
): Promise<number | undefined> {
  if (row.membership === 'join' || row.stayEnd === 0) return undefined
  if (row.stayEnd !== null) return row.stayEnd
  const keyNid = await deps.interned.keyNidIfKnown('m.room.member', userId)
  if (keyNid === undefined) return undefined
  const history = await deps.database.runInteraction(
    'end_of_last_stay',
    (txn) => stateHistory(txn, { roomNid: row.roomNid, keyNid, limit: memberEventsMax }),
    { readOnly: true },
  )
  const joined = history.findIndex((event) => stateValue(event.json) === 'join')
  return joined > 0 ? (history[joined - 1]?.streamPosition ?? undefined) : undefined
}
