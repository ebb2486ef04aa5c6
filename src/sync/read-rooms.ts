import type { ClientEvents } from '#rooms/client-events.ts'
import type { Receipts } from '#rooms/receipts.ts'
import type { RoomStates } from '#rooms/room-states.ts'
import type { RoomSummary } from '#rooms/room-summary.ts'
import type { Timeline } from '#rooms/timeline.ts'
import type { Typing } from '#rooms/typing.ts'
import { nothingUnread, type UnreadCounts } from '#rooms/unread-counts.ts'
import type { Visibility } from '#rooms/visibility.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from '#users/account-data.ts'
import { readChanges, type MemberChange } from './room-changes.ts'
import { readRoomAccountData } from './sections/account-data.ts'
import { readEphemeral } from './sections/ephemeral.ts'
import { readStates } from './sections/state.ts'
import { heroesOf, readSummaries, summaryText } from './sections/summary.ts'
import { readTimelines, timelineText } from './sections/timeline.ts'
import { readUnreadCounts, roomsWithNewCounts, unreadCountsText } from './sections/unread-counts.ts'
import type { SentMembers } from './sent-members.ts'
import { isNew, type RoomView, type SyncContext } from './sync-context.ts'
import { textsByRoom } from './sync-texts.ts'

/** Rooms that are read together: what one round holds in memory. */
const roomsOfRoundMax = 100

export interface RoomSources {
  readonly accountData: AccountData
  readonly clientEvents: ClientEvents
  readonly receipts: Receipts
  readonly roomStates: RoomStates
  readonly roomSummary: RoomSummary
  readonly sentMembers: SentMembers
  readonly streams: Streams
  readonly timeline: Timeline
  readonly typing: Typing
  readonly unreadCounts: UnreadCounts
  readonly visibility: Visibility
}

/** What a list of rooms, joined or left, has that is new. */
export interface RoomsRead {
  /** A member `"room id":{…}` for each room in which there is something. */
  readonly rooms: readonly string[]
  /** Whose memberships changed in them. */
  readonly members: readonly MemberChange[]
}

/** Reads rooms, in rounds; each round makes a fixed number of queries, whatever the number of its rooms. */
export async function readRooms(
  sources: RoomSources,
  context: SyncContext,
  views: readonly RoomView[],
  kind: 'join' | 'leave',
): Promise<RoomsRead> {
  const rooms: string[] = []
  const members: MemberChange[] = []
  const newCounts = kind === 'join' ? await roomsWithNewCounts(sources.unreadCounts, context) : new Set<number>()
  // Everything at once where everything is shown; afterwards it is in memory.
  if (kind === 'join' && context.from === undefined) await readUnreadCounts(sources.unreadCounts, context, views)
  for (let first = 0; first < views.length; first += roomsOfRoundMax) {
    const some = views.slice(first, first + roomsOfRoundMax)
    const round = await readRound(sources, context, some, kind)
    members.push(...round.members)
    const told = some.filter(
      (view) =>
        round.told.has(view.room.roomNid) || isNew(view) || kind === 'leave' || newCounts.has(view.room.roomNid),
    )
    const counts = kind === 'join' ? await readUnreadCounts(sources.unreadCounts, context, told) : undefined
    const byThread = context.request.filter.room.timeline.unreadThreadNotifications
    for (const { room } of told) {
      const parts = round.parts.get(room.roomNid) ?? []
      if (counts !== undefined) parts.push(unreadCountsText(counts.get(room.roomNid) ?? nothingUnread, byThread))
      rooms.push(`${JSON.stringify(room.roomId)}:{${parts.join(',')}}`)
    }
  }
  return { rooms, members }
}

/** What one round has read: the members of each room's object as text, and in which rooms there is something new. */
interface Round {
  readonly parts: ReadonlyMap<number, string[]>
  readonly told: ReadonlySet<number>
  readonly members: readonly MemberChange[]
}

async function readRound(
  sources: RoomSources,
  context: SyncContext,
  views: readonly RoomView[],
  kind: 'join' | 'leave',
): Promise<Round> {
  const timelines = await readTimelines(sources, context, views)
  const changes = await readChanges(sources.roomStates, views, timelines)
  const summarized = kind === 'join' ? views : []
  const summaries = await readSummaries(sources.roomSummary, context, summarized, changes)
  const basis = { timelines, changes, heroes: heroesOf(summaries) }
  const states = await readStates(sources, context, views, basis)
  const events = new Map([...timelines].map(([roomNid, timeline]) => [roomNid, timeline.events]))
  const eventTexts = await textsByRoom(sources.clientEvents, context, events, 'timeline')
  const stateTexts = await textsByRoom(sources.clientEvents, context, states, 'state')
  const ephemeral =
    kind === 'join' ? await readEphemeral(sources, context, views) : new Map<number, readonly string[]>()
  const accountData = await readRoomAccountData(sources.accountData, context, views)
  const told = new Set<number>()
  const partsOf = new Map<number, string[]>()
  for (const { room } of views) {
    const { roomNid } = room
    const timeline = timelines.get(roomNid)
    const state = stateTexts.get(roomNid) ?? []
    const summary = summaries.get(roomNid)
    const parts: string[] = []
    if (summary !== undefined) parts.push(`"summary":${summaryText(summary)}`)
    parts.push(`"${context.request.stateAfter ?? 'state'}":{"events":[${state.join(',')}]}`)
    if (timeline !== undefined) parts.push(`"timeline":${timelineText(timeline, eventTexts.get(roomNid) ?? [])}`)
    if (kind === 'join') parts.push(`"ephemeral":{"events":[${(ephemeral.get(roomNid) ?? []).join(',')}]}`)
    parts.push(`"account_data":{"events":[${(accountData.get(roomNid) ?? []).join(',')}]}`)
    partsOf.set(roomNid, parts)
    const isTold =
      (timeline !== undefined && (timeline.events.length > 0 || timeline.limited)) ||
      state.length > 0 ||
      summary !== undefined ||
      ephemeral.has(roomNid) ||
      accountData.has(roomNid)
    if (isTold) told.add(roomNid)
  }
  return { parts: partsOf, told, members: [...changes.members.values()].flat() }
}
