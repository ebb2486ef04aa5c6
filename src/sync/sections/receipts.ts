import type { Receipts } from '#rooms/receipts.ts'
import { isNew, type RoomView, type SyncContext } from '../sync-context.ts'

/**
 * New receipts in rooms, as the texts of `m.receipt` events by room; all of them where the client has nothing yet. No
 * query when no receipt changed. https://spec.matrix.org/v1.19/client-server-api/#receipts
 */
export async function readReceipts(
  receipts: Receipts,
  context: SyncContext,
  views: readonly RoomView[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const { from, upTo } = context
  const { userId } = context.request.requester
  const fresh = views.filter((view) => from === undefined || isNew(view)).map((view) => view.room.roomNid)
  const texts =
    fresh.length === 0 ? new Map<number, readonly string[]>() : await receipts.since(userId, fresh, 0, upTo.receipts)
  if (from === undefined || fresh.length === views.length) return texts
  const followed = views.filter((view) => !isNew(view)).map((view) => view.room.roomNid)
  return new Map([...texts, ...(await receipts.since(userId, followed, from.receipts, upTo.receipts))])
}
