import { mainThread, type Tallies, type Tally, type UnreadCounts } from '#rooms/unread-counts.ts'
import type { RoomView, SyncContext } from '../sync-context.ts'

/**
 * What the user has unread in joined rooms. No query for rooms that the user has followed lately, a fixed number
 * otherwise. https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
export async function readUnreadCounts(
  unreadCounts: UnreadCounts,
  context: SyncContext,
  views: readonly RoomView[],
): Promise<ReadonlyMap<number, Tallies>> {
  const rooms = views.map((view) => view.room)
  return unreadCounts.of(context.request.requester.userId, rooms, context.upTo.events)
}

/** Rooms in which only the counts may have changed. No query when no receipt of the user's own is new. */
export async function roomsWithNewCounts(
  unreadCounts: UnreadCounts,
  context: SyncContext,
): Promise<ReadonlySet<number>> {
  const { from, upTo, request } = context
  if (from === undefined) return new Set()
  return unreadCounts.roomsChanged(request.requester.userId, from.receipts, upTo.receipts)
}

/**
 * The members `unread_notifications` and, for a client that wants threads apart, `unread_thread_notifications` of a
 * room. Threads in which nothing is unread are left out, as clients take them to be read then.
 */
export function unreadCountsText(tallies: Tallies, byThread: boolean): string {
  const main = byThread ? tallies.get(mainThread) : sum(tallies.values())
  let text = `"unread_notifications":${tallyText(main)}`
  if (!byThread) return text
  const threads = [...tallies].filter(([threadId]) => threadId !== mainThread)
  if (threads.length > 0) {
    const members = threads.map(([threadId, tally]) => `${JSON.stringify(threadId)}:${tallyText(tally)}`)
    text += `,"unread_thread_notifications":{${members.join(',')}}`
  }
  return text
}

function sum(tallies: Iterable<Tally>): Tally {
  let [notify, highlight] = [0, 0]
  for (const tally of tallies) {
    notify += tally.notify
    highlight += tally.highlight
  }
  return { notify, highlight }
}

function tallyText(tally: Tally | undefined): string {
  return `{"notification_count":${tally?.notify ?? 0},"highlight_count":${tally?.highlight ?? 0}}`
}
