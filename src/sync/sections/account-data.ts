import type { AccountData, AccountDatum } from '#users/account-data.ts'
import { isNew, type RoomView, type SyncContext } from '../sync-context.ts'
import { matches } from '#protocol/filters.ts'

/** The user's account data that belongs to no room, as event texts. */
export function globalAccountData(context: SyncContext): readonly string[] {
  const filter = context.request.filter.accountData
  return context.accountData.global.filter((event) => matches(filter, { type: event.type })).map(eventText)
}

/**
 * The user's account data of rooms, as event texts by room: what changed, or all where the client has nothing of the
 * room yet. No query but one when the user has newly come into a room.
 * https://spec.matrix.org/v1.19/client-server-api/#client-config
 */
export async function readRoomAccountData(
  accountData: AccountData,
  context: SyncContext,
  views: readonly RoomView[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const { filter, requester } = context.request
  const entered = context.from !== undefined && views.some(isNew)
  const all = entered ? await accountData.all(requester.userId) : context.accountData
  const texts = new Map<number, readonly string[]>()
  for (const view of views) {
    const { roomId, roomNid } = view.room
    const events = (isNew(view) ? all : context.accountData).rooms.get(roomId) ?? []
    const wanted = events.filter((event) => matches(filter.room.accountData, { type: event.type }))
    if (wanted.length > 0) texts.set(roomNid, wanted.map(eventText))
  }
  return texts
}

function eventText(event: AccountDatum): string {
  return `{"type":${JSON.stringify(event.type)},"content":${event.content}}`
}
