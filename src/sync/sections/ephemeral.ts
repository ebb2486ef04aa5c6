import { matches } from '#protocol/filters.ts'
import type { Receipts } from '#rooms/receipts.ts'
import type { Typing } from '#rooms/typing.ts'
import type { Streams } from '#streams/streams.ts'
import type { RoomView, SyncContext } from '../sync-context.ts'
import { readReceipts } from './receipts.ts'
import { readTyping } from './typing.ts'

/** Receipts and typing, as the filter wants them, as event texts by room. */
export async function readEphemeral(
  sources: { readonly receipts: Receipts; readonly typing: Typing; readonly streams: Streams },
  context: SyncContext,
  views: readonly RoomView[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const filter = context.request.filter.room.ephemeral
  const receipts = await readReceipts(sources.receipts, context, views)
  const typing = readTyping(sources, context, views)
  const ephemeral = new Map<number, readonly string[]>()
  for (const { room } of views) {
    const wanted = (type: string): boolean => matches(filter, { type, roomId: room.roomId })
    const texts: string[] = []
    if (wanted('m.receipt')) texts.push(...(receipts.get(room.roomNid) ?? []))
    const typingText = typing.get(room.roomNid)
    if (typingText !== undefined && wanted('m.typing')) texts.push(typingText)
    if (texts.length > 0) ephemeral.set(room.roomNid, texts)
  }
  return ephemeral
}
