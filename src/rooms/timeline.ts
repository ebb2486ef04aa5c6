import { asksForRelations, type RoomEventFilter } from '#protocol/filters.ts'
import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import { eventsInStreamRange, newestInStreamRange, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { relatedBy } from '#storage/relations.ts'
import { timelinePage } from '#storage/timeline.ts'
import type { Database } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import type { Room } from './known-rooms.ts'
import type { PersistedBatch } from './persist-event.ts'
import type { Access } from './room-access.ts'
import { RecentRows } from './timeline/recent-rows.ts'
import { wantedRows } from './timeline/wanted-rows.ts'
import {
  tokenAtMoment,
  tokenAtPlace,
  towards,
  type Direction,
  type Place,
  type TimelineToken,
} from './timeline-token.ts'
import type { Visibility } from './visibility.ts'

/** Events in one page at most, whatever is asked for. */
export const pageEventsMax = 1_000
/** Events read for one page at most: a filter that fits nothing, or history out of sight, ends a page early. */
const scannedEventsMax = 5_000
/** Events read at once when few of those before fitted. */
const scanEventsMin = 50

/** Before every event, and behind every event. */
const beginning: Place = { topological: -1, stream: 0 }
const end: Place = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }

/** The newest events of a stretch of arrivals. */
export interface RecentEvents {
  /** By arrival, oldest first; whether the reader may see each is not yet decided. */
  readonly rows: EventRow[]
  /** There were more than the limit; the oldest are left out. */
  readonly limited: boolean
  /** Where reading backwards goes on. */
  readonly prevBatch: TimelineToken
}

/** A stretch of a room's arrivals: after one position and not after another; of it, the newest `limit` events. */
export interface RecentRange {
  readonly room: Room
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

/** What is asked of a room's history. */
export interface PageRequest {
  readonly direction: Direction
  readonly limit: number
  /** Where to begin. Undefined: at the room's beginning, or at its end when going backwards. */
  readonly from?: TimelineToken | undefined
  /** Where to stop. */
  readonly to?: TimelineToken | undefined
  /** Which of the events are wanted. Default: all. */
  readonly filter?: RoomEventFilter | undefined
}

/** A page of history, in the direction of reading. */
export interface Page {
  readonly rows: EventRow[]
  readonly start: TimelineToken
  /** Where the next page begins; undefined when there is none. */
  readonly end: TimelineToken | undefined
}

/** A room's events in order: the newest arrivals, for syncs, and history page by page. */
export class Timeline {
  readonly #database: Database
  readonly #streams: Streams
  readonly #interned: Interned
  readonly #visibility: Visibility
  readonly #ignoredSenders: IgnoredSenders
  readonly #recent = new RecentRows()

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly streams: Streams
    readonly visibility: Visibility
    readonly ignoredSenders: IgnoredSenders
  }) {
    this.#database = deps.database
    this.#streams = deps.streams
    this.#interned = deps.interned
    this.#visibility = deps.visibility
    this.#ignoredSenders = deps.ignoredSenders
  }

  /** Takes in what has just been persisted: call it for each batch, before anyone can learn of it. */
  remember(batch: Pick<PersistedBatch, 'room' | 'rows' | 'redacted'>): void {
    this.#recent.add(batch.room.roomNid, batch.rows)
    this.#recent.redacted(batch.room.roomNid, batch.redacted)
  }

  /**
   * The newest `limit` events that arrived in a room after `after` and not after `upTo`, which must be published. No
   * query for what is in memory, one otherwise.
   */
  async recent(
    room: Room,
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<RecentEvents> {
    const { roomNid } = room
    const limit = Math.min(range.limit, pageEventsMax)
    const held = this.#recent.read(roomNid, { ...range, limit })
    return withPrevBatch(held ?? (await this.#readRecent(roomNid, { ...range, limit })), range.upTo)
  }

  /** Every event that arrived in a room after `after` and not after `upTo`, oldest first; undefined when memory does not tell. */
  held(roomNid: number, range: { readonly after: number; readonly upTo: number }): readonly EventRow[] | undefined {
    const held = this.#recent.read(roomNid, { ...range, limit: pageEventsMax })
    return held === undefined || held.limited ? undefined : held.rows
  }

  /**
   * What `recent` gives, for several rooms, by the room's integer id. One query for the ranges that are not in memory
   * and that have the same ends and limit.
   */
  async recentOf(ranges: readonly RecentRange[]): Promise<ReadonlyMap<number, RecentEvents>> {
    const recent = new Map<number, RecentEvents>()
    const unread: RecentRange[] = []
    for (const range of ranges) {
      const limit = Math.min(range.limit, pageEventsMax)
      const held = this.#recent.read(range.room.roomNid, { ...range, limit })
      if (held === undefined) unread.push({ ...range, limit })
      else recent.set(range.room.roomNid, withPrevBatch(held, range.upTo))
    }
    for (const group of Map.groupBy(unread, ({ after, upTo, limit }) => `${after} ${upTo} ${limit}`).values()) {
      const [range] = group
      if (range === undefined) continue
      const roomNids = group.map(({ room }) => room.roomNid)
      const rows = await this.#database.runInteraction(
        'recent_events_of_rooms',
        (txn) => newestInStreamRange(txn, { ...range, roomNids, limit: range.limit + 1 }),
        { readOnly: true },
      )
      const byRoom = Map.groupBy(rows, (row) => row.roomNid)
      for (const roomNid of roomNids) {
        recent.set(roomNid, withPrevBatch(this.#takeIn(roomNid, byRoom.get(roomNid) ?? [], range), range.upTo))
      }
    }
    return recent
  }

  /**
   * A page of history as the user may see it. Pages joined by their tokens neither leave out nor repeat an event. Events
   * out of sight and unwanted ones are passed over, so a page may be short or empty and still have an end.
   */
  async page(userId: UserId, access: Access, request: PageRequest): Promise<Page> {
    const { direction } = request
    const limit = Math.min(Math.max(request.limit, 1), pageEventsMax)
    const start = request.from ?? this.#startOf(direction)
    const from = towards(start, direction)
    const bounds = boundsOf(from, request.to, direction, access.arrivedBy ?? this.#streams.events.position)
    const rows: EventRow[] = []
    let place = from.place ?? startOf(direction)
    let scanned = 0
    for (;;) {
      const count = Math.max(limit - rows.length, scanned === 0 ? 0 : scanEventsMin)
      const read = await this.#database.runInteraction(
        'timeline_page',
        (txn) =>
          timelinePage(txn, { roomNid: access.room.roomNid, direction, from: place, ...bounds, limit: count + 1 }),
        { readOnly: true },
      )
      const more = read.length > count
      const within = more ? read.slice(0, count) : read
      scanned += within.length
      const shown = await this.#shown(userId, access.room, within, request.filter)
      for (const row of shown) {
        rows.push(row)
        if (rows.length < limit) continue
        const isLast = !more && row === within.at(-1)
        return { rows, start, end: isLast ? undefined : tokenAtPlace(placeBeyond(row, direction), from) }
      }
      const last = within.at(-1)
      if (!more || last === undefined) return { rows, start, end: undefined }
      place = placeBeyond(last, direction)
      if (scanned >= scannedEventsMax) return { rows, start, end: tokenAtPlace(place, from) }
    }
  }

  /**
   * Those of the events to which others relate as the filter asks, in their order. No query when it does not ask.
   * https://github.com/matrix-org/matrix-spec-proposals/pull/3440
   */
  async related(rows: readonly EventRow[], filter: RoomEventFilter): Promise<readonly EventRow[]> {
    if (!asksForRelations(filter) || rows.length === 0) return rows
    const { relatedByRelTypes, relatedBySenders } = filter
    const senders = relatedBySenders?.map((userId) => parseUserId(userId))
    const senderNids = senders === undefined ? null : [...(await this.#interned.userNidsIfKnown(senders)).values()]
    const ids = rows.map((row) => row.eventId)
    const related = await this.#database.runInteraction(
      'events_related_by',
      (txn) => relatedBy(txn, ids, { relTypes: relatedByRelTypes ?? null, senderNids }),
      { readOnly: true },
    )
    const wanted = new Set(related)
    return rows.filter((row) => wanted.has(row.eventId))
  }

  async #shown(
    userId: UserId,
    room: Room,
    rows: readonly EventRow[],
    filter: RoomEventFilter | undefined,
  ): Promise<EventRow[]> {
    const wanted = filter === undefined ? rows : await this.related(wantedRows(rows, filter, room.roomId), filter)
    return this.#visibility.filter(userId, room, await this.#ignoredSenders.without(userId, wanted))
  }

  async #readRecent(
    roomNid: number,
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<{ rows: EventRow[]; limited: boolean }> {
    const read = await this.#database.runInteraction(
      'recent_events',
      (txn) => eventsInStreamRange(txn, { ...range, roomNid, limit: range.limit + 1, newestFirst: true }),
      { readOnly: true },
    )
    return this.#takeIn(roomNid, read.reverse(), range)
  }

  /** Keeps what was read of a range, oldest first and with one event beyond the limit if there is one. */
  #takeIn(
    roomNid: number,
    read: readonly EventRow[],
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): { rows: EventRow[]; limited: boolean } {
    const limited = read.length > range.limit
    const rows = read.slice(limited ? 1 : 0)
    const oldest = rows[0]?.streamPosition
    if (!limited || oldest != null) {
      const after = limited && oldest != null ? oldest - 1 : range.after
      this.#recent.fill(roomNid, rows, { after, upTo: range.upTo })
    }
    return { rows, limited }
  }

  #startOf(direction: Direction): TimelineToken {
    return direction === 'backwards' ? tokenAtMoment(this.#streams.events.position) : tokenAtPlace(beginning)
  }
}

function withPrevBatch(read: { rows: EventRow[]; limited: boolean }, upTo: number): RecentEvents {
  const first = read.rows[0]?.streamPosition
  return { ...read, prevBatch: tokenAtMoment(first == null ? upTo : first - 1) }
}

/** Behind which event a reader stands who has read `row`. */
export function placeBeyond(row: Pick<EventRow, 'topological' | 'streamPosition'>, direction: Direction): Place {
  const stream = row.streamPosition ?? 0
  return { topological: row.topological, stream: direction === 'backwards' ? stream - 1 : stream }
}

/** Where one begins who reads everything: before every event, or behind every event when going backwards. */
export function startOf(direction: Direction): Place {
  return direction === 'backwards' ? end : beginning
}

/** Between what a page is read, besides the place at which it begins; `from` has been given the direction. */
export function boundsOf(
  from: TimelineToken,
  to: TimelineToken | undefined,
  direction: Direction,
  arrivedBy = Number.MAX_SAFE_INTEGER,
): { until: Place; arrivedAfter: number; arrivedBy: number } {
  const backwards = direction === 'backwards'
  const moment = to?.moment
  return {
    until: to?.place ?? startOf(backwards ? 'forwards' : 'backwards'),
    arrivedAfter: Math.max(from.arrivedAfter ?? -1, (backwards ? moment : undefined) ?? -1),
    arrivedBy: Math.min(from.arrivedBy ?? Infinity, (backwards ? undefined : moment) ?? Infinity, arrivedBy),
  }
}
