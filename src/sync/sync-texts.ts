import { fieldTree } from '#protocol/picked-text.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { StoredEvent } from '#rooms/room-states.ts'
import type { SyncContext } from './sync-context.ts'

/** Which list of a room events stand in. */
export type ListKind = 'timeline' | 'state'

/**
 * The texts of events of several rooms, as this client wants them, by room and in their order. One call for all rooms,
 * so that the number of queries does not depend on theirs.
 */
export async function textsByRoom(
  clientEvents: ClientEvents,
  context: SyncContext,
  rooms: ReadonlyMap<number, readonly StoredEvent[]>,
  kind: ListKind,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const { requester, filter } = context.request
  const rows: StoredEvent[] = []
  for (const events of rooms.values()) rows.push(...events)
  const texts = await clientEvents.texts(rows, {
    requester,
    format: filter.eventFormat === 'federation' ? 'raw' : 'v2WithoutRoomId',
    bundle: kind === 'timeline',
    membership: kind === 'timeline',
    // An empty list of fields wants them all, as elsewhere.
    fields: fieldTree(filter.eventFields ?? []),
  })
  const byRoom = new Map<number, readonly string[]>()
  let from = 0
  for (const [roomNid, events] of rooms) {
    byRoom.set(roomNid, texts.slice(from, from + events.length))
    from += events.length
  }
  return byRoom
}
