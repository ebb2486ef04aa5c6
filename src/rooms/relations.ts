import type { EventId, RoomId, UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import { relatedEvents } from '#storage/relations.ts'
import type { Database } from '#storage/transaction.ts'
import type { EventContext } from './event-context.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import { placeBeyond } from './timeline.ts'
import { tokenAtPlace, type Direction, type Place, type TimelineToken } from './timeline-token.ts'
import type { Visibility } from './visibility.ts'

/** Relations in one page at most. */
const relationsMax = 1_000
/** How far relations to relations are followed. */
export const relationDepthMax = 3

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

const first: Place = { topological: -1, stream: 0 }
const last: Place = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }

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
   * A page of the events that relate to an event, as the user may see them and wants to. Throws M_FORBIDDEN when they may not look
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
    const backwards = direction === 'backwards'
    const limit = Math.min(Math.max(request.limit, 1), relationsMax)
    const read = await this.#database.runInteraction(
      'related_events',
      (txn) =>
        relatedEvents(txn, {
          roomNid: access.room.roomNid,
          eventId: ids.eventId,
          relType: request.relType,
          type: request.eventType,
          depth: request.recurse ? relationDepthMax : 1,
          direction,
          from: request.from?.place ?? (backwards ? last : first),
          until: request.to?.place ?? (backwards ? first : last),
          arrivedBy: (backwards ? request.from?.moment : request.to?.moment) ?? Number.MAX_SAFE_INTEGER,
          arrivedAfter: (backwards ? request.to?.moment : request.from?.moment) ?? -1,
          limit: limit + 1,
        }),
      { readOnly: true },
    )
    const within = read.slice(0, limit)
    const end = read.length > limit ? within.at(-1) : undefined
    const wanted = await this.#ignoredSenders.without(userId, within)
    return {
      rows: await this.#visibility.filter(userId, access.room, wanted),
      nextBatch: end === undefined ? undefined : tokenAtPlace(placeBeyond(end, direction)),
    }
  }
}
