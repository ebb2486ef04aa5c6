import { matches, wantsAll, type RoomEventFilter } from '#protocol/filters.ts'
import { jsonMember } from '#protocol/json-members.ts'
import type { EventRow } from '#storage/events.ts'
import { hasUrl } from '../room-states.ts'

/** Those of a room's events that a filter wants, in their order. Looks into their text only as far as it asks. */
export function wantedRows(rows: readonly EventRow[], filter: RoomEventFilter, roomId: string): readonly EventRow[] {
  if (wantsAll(filter)) return rows
  return rows.filter((row) =>
    matches(filter, { type: row.type, sender: senderOf(row.json), roomId, hasUrl: () => hasUrl(row) }),
  )
}

function senderOf(json: string): string | undefined {
  const sender: unknown = JSON.parse(jsonMember(json, 'sender') ?? 'null')
  return typeof sender === 'string' ? sender : undefined
}
