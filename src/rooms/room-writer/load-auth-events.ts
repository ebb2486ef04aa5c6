import { parseEventId } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { eventsByNids } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import { keepAuthEvent, stateKeyText, type LiveRoom } from './live-room.ts'

/** Reads events of a room's state that authorize others into its memory. One query, and what interning takes. */
export async function loadAuthEvents(
  deps: { readonly database: Database; readonly interned: Interned },
  live: LiveRoom,
  keys: readonly (readonly [string, string])[],
): Promise<void> {
  const before = live.received
  const keyNids = await deps.interned.keyNidsIfKnown(keys.map(([type, stateKey]) => ({ type, stateKey })))
  const eventNids = keyNids.flatMap((keyNid) => (keyNid === undefined ? [] : (live.state.get(keyNid) ?? [])))
  const rows = await deps.database.runInteraction('auth_events', (txn) => eventsByNids(txn, eventNids), {
    readOnly: true,
  })
  // Others may have changed the state: then this is asked again.
  if (live.received !== before) return
  const byNid = new Map(rows.map((row) => [row.eventNid, row]))
  for (const [index, [type, stateKey]] of keys.entries()) {
    const text = stateKeyText(type, stateKey)
    // Another event may have set it while this was reading.
    if (live.authEvents.has(text)) continue
    const row = byNid.get(live.state.get(keyNids[index] ?? 0) ?? 0)
    if (row === undefined) {
      keepAuthEvent(live, text, undefined, undefined)
      continue
    }
    const event = parseEvent(row.json, live.room.version, parseEventId(row.eventId))
    keepAuthEvent(live, text, event, row.eventNid)
  }
}
