import { MatrixError } from '#protocol/errors.ts'
import type { RoomEventFilter } from '#protocol/filters.ts'
import type { EventId, RoomId, UserId } from '#protocol/identifiers.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { Members } from './members.ts'
import type { Access, RoomAccess } from './room-access.ts'
import type { RoomState } from './room-state.ts'
import { placeBeyond, type Timeline } from './timeline.ts'
import { tokenAtPlace, type TimelineToken } from './timeline-token.ts'
import type { Visibility } from './visibility.ts'

/** Events around another in one answer, at most. */
const contextEventsMax = 100

/** An event, what surrounds it, and where reading goes on at both ends. */
export interface EventInContext {
  readonly access: Access
  readonly event: EventRow
  /** Newest first. */
  readonly before: readonly EventRow[]
  /** Oldest first. */
  readonly after: readonly EventRow[]
  /** The state after the last of these events; with lazy loading, of members only those who sent one of them. */
  readonly state: readonly EventRow[]
  readonly start: TimelineToken
  readonly end: TimelineToken
}

/** Single events, as far as those who ask may see them, and what happened around them. */
export class EventContext {
  readonly #database: Database
  readonly #roomAccess: RoomAccess
  readonly #visibility: Visibility
  readonly #timeline: Timeline
  readonly #roomState: RoomState
  readonly #members: Members

  constructor(deps: {
    readonly database: Database
    readonly roomAccess: RoomAccess
    readonly visibility: Visibility
    readonly timeline: Timeline
    readonly roomState: RoomState
    readonly members: Members
  }) {
    this.#database = deps.database
    this.#roomAccess = deps.roomAccess
    this.#visibility = deps.visibility
    this.#timeline = deps.timeline
    this.#roomState = deps.roomState
    this.#members = deps.members
  }

  /**
   * An event of a room that the user may see. Throws M_FORBIDDEN when they may not look into the room, and M_NOT_FOUND
   * when the room has no such event or they may not see it: the answer does not tell which.
   */
  async event(userId: UserId, roomId: RoomId, eventId: EventId): Promise<{ access: Access; event: EventRow }> {
    const access = await this.#roomAccess.read(userId, roomId)
    const found = await this.#database.runInteraction(
      'event_by_id',
      (txn) => eventsByIds(txn, access.room.roomNid, [eventId]),
      { readOnly: true },
    )
    const [event] = await this.#visibility.filter(userId, access.room, found)
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event here that you may see.')
    return { access, event }
  }

  /**
   * An event and up to `limit` others around it that `filter` wants, half of them before it. Errors as of `event`.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
   */
  async around(
    userId: UserId,
    ids: { readonly roomId: RoomId; readonly eventId: EventId },
    limit: number,
    filter?: RoomEventFilter,
  ): Promise<EventInContext> {
    const { access, event } = await this.event(userId, ids.roomId, ids.eventId)
    const count = Math.min(Math.max(limit, 0), contextEventsMax)
    const earlier = tokenAtPlace(placeBeyond(event, 'backwards'))
    const later = tokenAtPlace(placeBeyond(event, 'forwards'))
    const half = Math.floor(count / 2)
    const [before, after] = await Promise.all([
      half === 0
        ? undefined
        : this.#timeline.page(userId, access, { direction: 'backwards', limit: half, from: earlier, filter }),
      count === 0
        ? undefined
        : this.#timeline.page(userId, access, { direction: 'forwards', limit: count - half, from: later, filter }),
    ])
    const last = after?.rows.at(-1) ?? event
    const shown = [event, ...(before?.rows ?? []), ...(after?.rows ?? [])]
    const oldest = before?.rows.at(-1)
    const newest = after?.rows.at(-1)
    return {
      access,
      event,
      before: before?.rows ?? [],
      after: after?.rows ?? [],
      state: await this.#stateAt(last, shown, filter),
      start: before?.end ?? (oldest === undefined ? earlier : tokenAtPlace(placeBeyond(oldest, 'backwards'))),
      end: after?.end ?? (newest === undefined ? later : tokenAtPlace(placeBeyond(newest, 'forwards'))),
    }
  }

  async #stateAt(
    event: EventRow,
    shown: readonly EventRow[],
    filter: RoomEventFilter | undefined,
  ): Promise<readonly EventRow[]> {
    if (event.stateAfter === null) return []
    if (filter?.lazyLoadMembers !== true) {
      return this.#roomState.events([...(await this.#roomState.at(event.stateAfter)).values()])
    }
    const rest = await this.#roomState.partAt(event.stateAfter, 'withoutMembers')
    return [...(await this.#roomState.events([...rest.values()])), ...(await this.#members.ofSenders(shown, event))]
  }
}
