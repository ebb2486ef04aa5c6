import type { Typing } from '#rooms/typing.ts'
import type { Streams } from '#streams/streams.ts'
import { isNew, type RoomView, type SyncContext } from '../sync-context.ts'

/**
 * Who is typing, as an `m.typing` event by room, where that changed; where the client has nothing yet, only if somebody
 * is. From memory. https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
 */
export function readTyping(
  sources: { readonly typing: Typing; readonly streams: Streams },
  context: SyncContext,
  views: readonly RoomView[],
): ReadonlyMap<number, string> {
  const { from, upTo } = context
  const texts = new Map<number, string>()
  for (const view of views) {
    const { roomNid } = view.room
    const known = from !== undefined && !isNew(view)
    if (known && (from.typing >= upTo.typing || !sources.streams.typing.roomChangedSince(roomNid, from.typing)))
      continue
    const userIds = sources.typing.inRoom(roomNid).filter((userId) => !context.ignored.has(userId))
    if (!known && userIds.length === 0) continue
    texts.set(roomNid, `{"type":"m.typing","content":{"user_ids":${JSON.stringify(userIds)}}}`)
  }
  return texts
}
