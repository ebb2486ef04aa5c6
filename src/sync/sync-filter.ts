import { matches, matchesRoom, type Filter, type RoomEventFilter } from '#protocol/filters.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { hasUrl, type StoredEvent } from '#rooms/room-states.ts'

/** True when the filter wants to hear of the room at all. */
export function wantsRoom(filter: Filter, roomId: RoomId): boolean {
  return matchesRoom(filter.room, roomId)
}

/** True when the filter wants a stored event. */
export function wantsEvent(
  filter: RoomEventFilter,
  row: StoredEvent,
  known: { readonly sender: UserId; readonly roomId: RoomId },
): boolean {
  return matches(filter, { type: row.type, ...known, hasUrl: () => hasUrl(row) })
}
