import { deleteAuthStretchesOf } from '#storage/auth-chains.ts'
import { deleteEventsWhole, insertOwnState, oldEvents, setAside, type OldEvent } from '#storage/purge.ts'
import { packEntries } from '../room-state/packed-entries.ts'
import type { Kept } from './find-kept.ts'
import type { PurgeSteps } from './purge-steps.ts'
import type { ReceiptsOfOldEvents } from './receipts-of-old-events.ts'

/**
 * Deletes the events of a room before a depth, some at a time, or takes those out of the graph that have to stay. A kept
 * state that only an event's row has held gets a row of its own in the same transaction.
 */
export async function deleteOldEvents(
  steps: PurgeSteps,
  purge: {
    readonly roomNid: number
    readonly beforeDepth: number
    readonly ends: ReadonlySet<number>
    readonly kept: Kept
    readonly receipts: ReceiptsOfOldEvents
  },
): Promise<void> {
  const { roomNid, beforeDepth, ends, kept, receipts } = purge
  await steps.untilNothing<OldEvent>('purge_events', async (txn, after, limit) => {
    const events = await oldEvents(txn, { roomNid, beforeDepth, after, limit })
    const old = events.filter((event) => !ends.has(event.eventNid))
    await insertOwnState(
      txn,
      old.flatMap((event) => ownState(event, kept)),
    )
    const aside = old.filter((event) => kept.events.has(event.eventNid) && event.outlier === 0)
    await setAside(
      txn,
      roomNid,
      aside.map((event) => event.eventNid),
    )
    const gone = old.filter((event) => !kept.events.has(event.eventNid))
    await receipts.deleteFor(
      txn,
      gone.map((event) => event.eventId),
    )
    // The index names none that is gone; what stays of these keys is put into it again in the end.
    await deleteAuthStretchesOf(txn, roomNid, [...new Set(gone.flatMap((event) => event.keyNid ?? []))])
    await deleteEventsWhole(txn, roomNid, gone)
    return events.at(-1)
  })
}

function ownState(
  { eventNid, roomNid, keyNid, stateBefore }: OldEvent,
  kept: Kept,
): Parameters<typeof insertOwnState>[1] {
  if (keyNid === null || stateBefore === null || !kept.states.has(-eventNid)) return []
  return [{ stateNid: -eventNid, roomNid, parentNid: stateBefore, delta: packEntries(new Map([[keyNid, eventNid]])) }]
}
