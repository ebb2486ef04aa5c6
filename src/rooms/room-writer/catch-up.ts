import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import { readEnds } from './load-room.ts'
import { forgetAuthEvent, stateKeyText, type LiveRoom } from './live-room.ts'

/** Beyond so many changed keys, what authorizes is read again rather than sorted out. */
const changedKeysMax = 1_000

/** A change of a room's state; null for a key that goes. */
export interface StateChange {
  readonly keyNid: number
  readonly eventNid: number | null
}

/** Takes over into a room's memory what somebody else's event has made of its state. Before the next event: `catchUp`. */
export function takeOver(live: LiveRoom, changes: readonly StateChange[]): void {
  live.received += 1
  for (const { keyNid, eventNid } of changes) {
    if (eventNid === null) live.state.delete(keyNid)
    else live.state.set(keyNid, eventNid)
    live.changedKeys.add(keyNid)
  }
}

/**
 * Brings a room's memory to where others have left the room: its ends, the path to its state, and of what authorizes
 * that which has changed. Costs what has changed, never the size of the room. When more comes meanwhile it is not done,
 * and has to be asked again.
 */
export async function catchUp(
  deps: { readonly database: Database; readonly interned: Interned },
  live: LiveRoom,
): Promise<void> {
  const upTo = live.received
  const isMuch = live.changedKeys.size > changedKeysMax
  const keys = isMuch ? undefined : await deps.interned.keys([...live.changedKeys])
  const ends = await deps.database.runInteraction(
    'catch_up_room',
    (txn) => readEnds(txn, live.room, { size: live.state.size, deltas: live.path.deltas }),
    { readOnly: true },
  )
  if (live.received !== upTo) return
  if (keys === undefined) {
    live.authEvents.clear()
    live.authNids.clear()
  } else for (const { type, stateKey } of keys.values()) forgetAuthEvent(live, stateKeyText(type, stateKey))
  live.changedKeys.clear()
  live.path = ends.path
  live.extremities = ends.extremities
  live.caughtUp = upTo
}
