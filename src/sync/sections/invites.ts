import { redactedText } from '#protocol/redacted-text.ts'
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
  return views.flatMap((view) => {
    const member = events.get(view.membership.eventNid)
    if (member === undefined) return []
    const text = member.redactedBy === null ? member.json : redactedText(member.json, view.room.version)
    const list = withMember(stripped.get(view.room.roomNid) ?? '[]', member.eventId, text)
    return [`${JSON.stringify(view.room.roomId)}:{"${key}":{"events":${list}}}`]
  })
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

/** A member event (`text`, redacted where it was) among stripped state, in the place of the one that the list has. */
function withMember(list: string, eventId: string, text: string): string {
  const stripped = JSON.parse(list) as readonly StrippedEvent[]
  const { type, state_key, sender, content, origin_server_ts } = JSON.parse(text) as StrippedEvent
  const others = stripped.filter((event) => event.type !== type || event.state_key !== state_key)
  // The event is told with its time, as the specification allows, so that clients can put invites in order.
  const own = { type, state_key, sender, content, event_id: eventId, origin_server_ts }
  return JSON.stringify([...others, own])
}

interface StrippedEvent {
  readonly type?: unknown
  readonly state_key?: unknown
  readonly sender?: unknown
  readonly content?: unknown
  readonly origin_server_ts?: unknown
}
