import type { EventId, RoomId, UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import { relatedEvents } from '#storage/related-events.ts'
import type { Database } from '#storage/transaction.ts'
import type { EventContext } from './event-context.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import { boundsOf, placeBeyond, startOf } from './timeline.ts'
import { tokenAtPlace, towards, type Direction, type TimelineToken } from './timeline-token.ts'
import type { Visibility } from './visibility.ts'

/** Relations in one page at most. */
const relationsMax = 1_000
/** How far relations to relations are followed: as far as the database keeps them. */
export const relationDepthMax = 3
/** Relations looked at for one page at most: a kind or a type that few are of ends a page early. */
const relationsLookedMax = 2_000

/** Which relations of an event are asked for. */
export interface RelationsRequest {
  readonly relType?: string | undefined
  readonly eventType?: string | undefined
  readonly from?: TimelineToken | undefined
  readonly to?: TimelineToken | undefined
  readonly direction: Direction
  readonly limit: number
  /** Also what relates to what relates to the event, and so on. */
  readonly recurse: boolean
}

/** A page of relations, in the direction of reading. */
export interface RelationsPage {
  readonly rows: readonly EventRow[]
  readonly nextBatch: TimelineToken | undefined
}

/** What relates to an event: its replies in a thread, reactions, edits, references. */
export class Relations {
  readonly #database: Database
  readonly #eventContext: EventContext
  readonly #ignoredSenders: IgnoredSenders
  readonly #visibility: Visibility

  constructor(deps: {
    readonly database: Database
    readonly eventContext: EventContext
    readonly ignoredSenders: IgnoredSenders
    readonly visibility: Visibility
  }) {
    this.#database = deps.database
    this.#eventContext = deps.eventContext
    this.#ignoredSenders = deps.ignoredSenders
    this.#visibility = deps.visibility
  }

  /**
   * A page of the events that relate to an event, as the user may see them and wants to. Pages joined by their tokens neither
   * leave out nor repeat an event; one may be short or empty and still have a next. Throws M_FORBIDDEN when they may not look
   * into the room, M_NOT_FOUND when they may not see the event itself.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid
   */
  async page(
    userId: UserId,
    ids: { readonly roomId: RoomId; readonly eventId: EventId },
    request: RelationsRequest,
  ): Promise<RelationsPage> {
    const { access } = await this.#eventContext.event(userId, ids.roomId, ids.eventId)
    const { direction } = request
    const from = towards(request.from ?? tokenAtPlace(startOf(direction)), direction)
    const read = await this.#database.runInteraction(
      'related_events',
      (txn) =>
        relatedEvents(txn, {
          roomNid: access.room.roomNid,
          eventId: ids.eventId,
          relType: request.relType,
          type: request.eventType,
          recurse: request.recurse,
          direction,
          from: from.place ?? startOf(direction),
          ...boundsOf(from, request.to, direction),
          limit: Math.min(Math.max(request.limit, 1), relationsMax),
          lookedMax: relationsLookedMax,
        }),
      { readOnly: true },
    )
    const wanted = await this.#ignoredSenders.without(userId, read.rows)
    return {
      rows: await this.#visibility.filter(userId, access.room, wanted),
      nextBatch: read.end === undefined ? undefined : tokenAtPlace(placeBeyond(read.end, direction), from),
    }
  }
}
