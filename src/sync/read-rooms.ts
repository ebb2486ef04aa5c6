import { matches } from '#protocol/filters.ts'
import type { ClientEvents } from '#rooms/client-events.ts'
import type { Receipts } from '#rooms/receipts.ts'
import type { RoomStates } from '#rooms/room-states.ts'
import type { RoomSummary } from '#rooms/room-summary.ts'
import type { Timeline } from '#rooms/timeline.ts'
import type { Typing } from '#rooms/typing.ts'
import type { Visibility } from '#rooms/visibility.ts'
import type { Streams } from '#streams/streams.ts'
import type { AccountData } from '#users/account-data.ts'
import { readChanges, type MemberChange } from './room-changes.ts'
import { readRoomAccountData } from './sections/account-data.ts'
import { readReceipts } from './sections/receipts.ts'
import { readStates } from './sections/state.ts'
import { heroesOf, readSummaries, summaryText } from './sections/summary.ts'
import { readTimelines, timelineText } from './sections/timeline.ts'
import { readTyping } from './sections/typing.ts'
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
  for (let first = 0; first < views.length; first += roomsOfRoundMax) {
    const round = await readRound(sources, context, views.slice(first, first + roomsOfRoundMax), kind)
    rooms.push(...round.rooms)
    members.push(...round.members)
  }
  return { rooms, members }
}

async function readRound(
  sources: RoomSources,
  context: SyncContext,
  views: readonly RoomView[],
  kind: 'join' | 'leave',
): Promise<RoomsRead> {
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
  const rooms = views.flatMap((view) => {
    const { roomId, roomNid } = view.room
    const timeline = timelines.get(roomNid)
    const state = stateTexts.get(roomNid) ?? []
    const summary = summaries.get(roomNid)
    const parts: string[] = []
    if (summary !== undefined) parts.push(`"summary":${summaryText(summary)}`)
    parts.push(`"${context.request.stateAfter ?? 'state'}":{"events":[${state.join(',')}]}`)
    if (timeline !== undefined) parts.push(`"timeline":${timelineText(timeline, eventTexts.get(roomNid) ?? [])}`)
    if (kind === 'join') parts.push(`"ephemeral":{"events":[${(ephemeral.get(roomNid) ?? []).join(',')}]}`)
    parts.push(`"account_data":{"events":[${(accountData.get(roomNid) ?? []).join(',')}]}`)
    const told =
      (timeline !== undefined && (timeline.events.length > 0 || timeline.limited)) ||
      state.length > 0 ||
      summary !== undefined ||
      ephemeral.has(roomNid) ||
      accountData.has(roomNid)
    return told || isNew(view) || kind === 'leave' ? [`${JSON.stringify(roomId)}:{${parts.join(',')}}`] : []
  })
  return { rooms, members: [...changes.members.values()].flat() }
}

/** Receipts and typing, as the filter wants them, as event texts by room. */
async function readEphemeral(
  sources: RoomSources,
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
