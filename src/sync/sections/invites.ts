import type { ClientEvents } from '#rooms/client-events.ts'
import type { Memberships } from '#rooms/memberships.ts'
import type { RoomStates } from '#rooms/room-states.ts'
import type { RoomView, SyncContext } from '../sync-context.ts'

export interface InviteSources {
  readonly memberships: Memberships
  readonly roomStates: RoomStates
  readonly clientEvents: ClientEvents
}

/**
 * Rooms that the user is invited to, or knocks on, as `"room id":{…}` members: the stripped state that came with the
 * invite or knock, then the member event itself. Invites from ignored users are left out. Three queries at most.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export async function readInvites(
  sources: InviteSources,
  context: SyncContext,
  key: 'invite_state' | 'knock_state',
): Promise<readonly string[]> {
  const views = await wanted(sources, context, key === 'invite_state' ? context.invited : context.knocked)
  if (views.length === 0) return []
  const { requester } = context.request
  const roomNids = views.map((view) => view.room.roomNid)
  const stripped = await sources.memberships.strippedStates(requester.userId, roomNids)
  const events = await sources.roomStates.events(views.map((view) => view.membership.eventNid))
  const told = views.flatMap(({ room, membership }) => {
    const member = events.get(membership.eventNid)
    return member === undefined ? [] : [{ room, member, stripped: stripped.get(room.roomNid) ?? '[]' }]
  })
  const lists = await sources.clientEvents.invitations(told)
  return told.map(({ room }, index) => `${JSON.stringify(room.roomId)}:{"${key}":{"events":${lists[index] ?? '[]'}}}`)
}

async function wanted(
  sources: InviteSources,
  context: SyncContext,
  views: readonly RoomView[],
): Promise<readonly RoomView[]> {
  if (context.ignored.size === 0 || views.length === 0) return views
  const senders = await sources.roomStates.userIds(views.map((view) => view.membership.senderNid))
  return views.filter((view) => {
    const sender = senders.get(view.membership.senderNid)
    return sender === undefined || !context.ignored.has(sender)
  })
}
