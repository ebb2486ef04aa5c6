import type { UserId } from '#protocol/identifiers.ts'
import type { RoomStates, StoredEvent } from '#rooms/room-states.ts'
import type { Timeline } from '#rooms/timeline.ts'
import { printTimelineToken, tokenAtMoment } from '#rooms/timeline-token.ts'
import type { Visibility } from '#rooms/visibility.ts'
import type { Streams } from '#streams/streams.ts'
import { isNew, type RoomView, type SyncContext } from '../sync-context.ts'
import { wantsAll } from '#protocol/filters.ts'
import { wantsEvent } from '../sync-filter.ts'

/** Events of one room in one answer, when the filter does not say, and at most. */
const timelineEventsDefault = 10
const timelineEventsMax = 1_000
/** How often a room is read further back because too few of its events were wanted or visible. */
const readsMax = 6
/** Events read in each further read, growing with each. */
const furtherEventsMin = 50

/** The new events of a room, as the user may and wants to see them. */
export interface RoomTimeline {
  /** By arrival, oldest first. */
  readonly events: readonly StoredEvent[]
  /** Events were left out between these and what the client has. */
  readonly limited: boolean
  /** Where reading backwards goes on. */
  readonly prevBatch: string
}

export interface TimelineSources {
  readonly streams: Streams
  readonly timeline: Timeline
  readonly visibility: Visibility
  readonly roomStates: RoomStates
}

/** What has been read of one room so far, from the newest event backwards. */
interface Reading {
  readonly view: RoomView
  readonly events: StoredEvent[]
  /** What is not yet read arrived up to this position; undefined when all is read. */
  restUpTo: number | undefined
  /** Reading reached events that the user may not see: what lies behind them is left to pages of history. */
  outOfSight: boolean
}

/**
 * The timelines of rooms: the newest events that arrived in each view's range, up to the filter's limit. One query for
 * what is not in memory, whatever the number of rooms; some more for rooms in which few events are wanted.
 * https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
export async function readTimelines(
  sources: TimelineSources,
  context: SyncContext,
  views: readonly RoomView[],
): Promise<ReadonlyMap<number, RoomTimeline>> {
  const limit = Math.min(context.request.filter.room.timeline.limit ?? timelineEventsDefault, timelineEventsMax)
  const readings = views.map((view): Reading => {
    const changed = view.after === 0 || sources.streams.events.roomChangedSince(view.room.roomNid, view.after)
    return { view, events: [], restUpTo: changed ? view.upTo : undefined, outOfSight: false }
  })
  for (let read = 0; read < readsMax; read++) {
    const open = readings.filter(
      ({ restUpTo, outOfSight, events }) => restUpTo !== undefined && !outOfSight && events.length < limit,
    )
    if (open.length === 0) break
    await readFurther(sources, context, open, read === 0 ? limit : furtherEventsMin << read)
  }
  return new Map(readings.map((reading) => [reading.view.room.roomNid, finished(context, reading, limit)]))
}

async function readFurther(
  sources: TimelineSources,
  context: SyncContext,
  readings: readonly Reading[],
  count: number,
): Promise<void> {
  const ranges = readings.map(({ view, restUpTo }) => ({
    room: view.room,
    after: view.after,
    upTo: restUpTo ?? view.upTo,
    limit: count,
  }))
  const recent = await sources.timeline.recentOf(ranges)
  // At once, so that what the rooms' visibility needs is read together.
  const reads = readings.map(async (reading) => {
    const { view } = reading
    const page = recent.get(view.room.roomNid)
    const first = page?.limited === true ? page.rows[0]?.streamPosition : undefined
    reading.restUpTo = first == null ? undefined : first - 1
    const [oldest] = page?.rows ?? []
    if (page === undefined || oldest === undefined) return
    const visible = new Set(await sources.visibility.filter(context.request.requester.userId, view.room, page.rows))
    reading.outOfSight = !visible.has(oldest)
    // One's own membership is shown even when the room is not.
    const seen = page.rows.filter((row) => visible.has(row) || row.eventNid === view.membership.eventNid)
    reading.events.unshift(...(await wanted(sources, context, view, seen)))
  })
  await Promise.all(reads)
}

/** Those of the events whose sender the user does not ignore, and that the filter wants. */
async function wanted(
  sources: TimelineSources,
  context: SyncContext,
  view: RoomView,
  seen: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const { filter } = context.request
  if (context.ignored.size === 0 && wantsAll(filter.room.timeline)) return seen
  const senders = await sources.roomStates.userIds(seen.map((row) => row.senderNid))
  const related = await sources.timeline.related(seen, filter.room.timeline)
  return related.filter((row) => {
    const sender: UserId | undefined = senders.get(row.senderNid)
    if (sender === undefined || (row.keyNid === null && context.ignored.has(sender))) return false
    return wantsEvent(filter.room.timeline, row, { sender, roomId: view.room.roomId })
  })
}

function finished(context: SyncContext, reading: Reading, limit: number): RoomTimeline {
  const { view, events, restUpTo } = reading
  const cut = Math.max(0, events.length - limit)
  const kept = cut === 0 ? events : events.slice(cut)
  const first = kept[0]?.streamPosition
  const before = first == null ? (restUpTo ?? view.after) : first - 1
  // A client may hold events of an earlier stay in the room: it is to begin anew.
  const again = context.from !== undefined && isNew(view)
  return {
    events: kept,
    limited: cut > 0 || restUpTo !== undefined || again,
    prevBatch: printTimelineToken(tokenAtMoment(before)),
  }
}

/** The `timeline` member of a room. `texts`: its events as JSON text. */
export function timelineText(timeline: RoomTimeline, texts: readonly string[]): string {
  return `{"events":[${texts.join(',')}],"limited":${timeline.limited},"prev_batch":"${timeline.prevBatch}"}`
}
