import { deleteEventsWhole, insertOwnState, oldEvents, setAside, type OldEvent } from '#storage/purge.ts'
import type { Database } from '#storage/transaction.ts'
import { packEntries } from '../room-state/packed-entries.ts'
import type { Kept } from './find-kept.ts'

/**
 * Deletes the events of a room before a depth, some at a time, or takes those out of the graph that have to stay. A kept
 * state that only an event's row has held gets a row of its own in the same transaction.
 */
export async function deleteOldEvents(
  database: Database,
  purge: {
    readonly roomNid: number
    readonly beforeDepth: number
    readonly ends: ReadonlySet<number>
    readonly kept: Kept
    readonly limit: number
  },
): Promise<void> {
  const { roomNid, beforeDepth, ends, kept, limit } = purge
  let after: OldEvent | undefined
  for (;;) {
    const from = after
    const page = await database.runInteraction('purge_events', async (txn) => {
      const events = await oldEvents(txn, { roomNid, beforeDepth, after: from, limit })
      const old = events.filter((event) => !ends.has(event.eventNid))
      await insertOwnState(
        txn,
        old.flatMap((event) => ownState(event, kept)),
      )
      const aside = old.filter((event) => kept.events.has(event.eventNid) && event.outlier === 0)
      await setAside(
        txn,
        aside.map((event) => event.eventNid),
      )
      await deleteEventsWhole(
        txn,
        roomNid,
        old.filter((event) => !kept.events.has(event.eventNid)),
      )
      return events
    })
    after = page.at(-1)
    if (page.length < limit) return
  }
}

function ownState(
  { eventNid, roomNid, keyNid, stateBefore }: OldEvent,
  kept: Kept,
): Parameters<typeof insertOwnState>[1] {
  if (keyNid === null || stateBefore === null || !kept.states.has(-eventNid)) return []
  return [{ stateNid: -eventNid, roomNid, parentNid: stateBefore, delta: packEntries(new Map([[keyNid, eventNid]])) }]
}
