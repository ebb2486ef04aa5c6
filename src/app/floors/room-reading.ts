import { Aliases } from '#rooms/aliases.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import { EventContext } from '#rooms/event-context.ts'
import { IgnoredSenders } from '#rooms/ignored-senders.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import { Members } from '#rooms/members.ts'
import type { Memberships } from '#rooms/memberships.ts'
import type { PersistEvent } from '#rooms/persist-event.ts'
import type { RoomPowers } from '#rooms/power-levels.ts'
import { ReadMarkers } from '#rooms/read-markers.ts'
import { Receipts } from '#rooms/receipts.ts'
import { Relations } from '#rooms/relations.ts'
import { RoomAccess } from '#rooms/room-access.ts'
import { RoomStates } from '#rooms/room-states.ts'
import type { RoomState } from '#rooms/room-state.ts'
import { RoomSummary } from '#rooms/room-summary.ts'
import { StateView } from '#rooms/state-view.ts'
import { Threads } from '#rooms/threads.ts'
import { Timeline } from '#rooms/timeline.ts'
import { Typing } from '#rooms/typing.ts'
import { UnreadCounts } from '#rooms/unread-counts.ts'
import type { UnsignedAdditions } from '#rooms/unsigned-additions.ts'
import { Visibility } from '#rooms/visibility.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from '#users/account-data.ts'
import type { AccountDeactivation } from '#users/account-deactivation.ts'
import { IgnoredUsers } from '#users/ignored-users.ts'
import type { NotificationSettings } from '#users/notification-settings.ts'
import type { Ground } from './ground.ts'
import type { StorageFloor } from './storage.ts'

/** What reads rooms, a part of that floor. */
export interface RoomReading {
  readonly aliases: Aliases
  readonly clientEvents: ClientEvents
  readonly eventContext: EventContext
  readonly members: Members
  readonly readMarkers: ReadMarkers
  readonly receipts: Receipts
  readonly relations: Relations
  readonly roomAccess: RoomAccess
  readonly roomStates: RoomStates
  readonly roomSummary: RoomSummary
  readonly stateView: StateView
  readonly threads: Threads
  readonly timeline: Timeline
  readonly typing: Typing
  readonly unreadCounts: UnreadCounts
  readonly visibility: Visibility
}

type Below = Pick<Ground, 'clock' | 'serverName' | 'logger'> &
  StorageFloor & {
    readonly streams: Streams
    readonly accountData: AccountData
    readonly accountDeactivation: AccountDeactivation
    readonly knownRooms: KnownRooms
    readonly memberships: Memberships
    readonly notificationSettings: NotificationSettings
    readonly persistEvent: PersistEvent
    readonly powers: RoomPowers
    readonly roomState: RoomState
    /** What plug-ins add to `unsigned`. */
    readonly unsignedAdditions?: UnsignedAdditions | undefined
  }

/** Builds the capabilities of rooms/ that read, and lets them learn of what is persisted. */
export function openRoomReading(below: Below): RoomReading {
  const visibility = new Visibility(below)
  const ignoredSenders = new IgnoredSenders({ ...below, ignoredUsers: new IgnoredUsers(below) })
  const timeline = new Timeline({ ...below, visibility, ignoredSenders })
  const clientEvents = new ClientEvents({ ...below, visibility, ignoredSenders })
  below.persistEvent.onPersisted((batch) => {
    timeline.remember(batch)
    clientEvents.remember(batch)
  })
  const roomAccess = new RoomAccess(below)
  const roomStates = new RoomStates(below)
  const members = new Members({ ...below, roomStates })
  const eventContext = new EventContext({ ...below, roomAccess, visibility, timeline, members })
  const receipts = new Receipts(below)
  return {
    aliases: new Aliases({ ...below, roomAccess }),
    clientEvents,
    eventContext,
    members,
    readMarkers: new ReadMarkers({ ...below, eventContext, receipts, roomAccess }),
    receipts,
    relations: new Relations({ ...below, eventContext, ignoredSenders, visibility }),
    roomAccess,
    roomStates,
    roomSummary: new RoomSummary(below),
    stateView: new StateView({ ...below, roomAccess }),
    threads: new Threads({ ...below, ignoredSenders, roomAccess, visibility }),
    timeline,
    typing: new Typing(below),
    unreadCounts: new UnreadCounts({ ...below, timeline }),
    visibility,
  }
}
