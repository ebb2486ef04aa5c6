import type { EventId, RoomId, UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { EventContext } from './event-context.ts'
import type { NewReceipt, Receipts } from './receipts.ts'
import type { RoomAccess } from './room-access.ts'

/** Where the read marker lives: a room's account data. */
interface AccountData {
  set(userId: UserId, roomId: RoomId | null, type: string, content: JsonObject): Promise<void>
}

/** Up to which events a user says to have read. All are optional. */
export interface ReadUpTo {
  /** The marker that only they see. */
  readonly fullyRead?: EventId | undefined
  readonly read?: EventId | undefined
  readonly readPrivate?: EventId | undefined
  /** For the receipts. */
  readonly threadId?: string | undefined
}

/**
 * Moves read markers and receipts. https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers
 */
export class ReadMarkers {
  readonly #accountData: AccountData
  readonly #eventContext: EventContext
  readonly #receipts: Receipts
  readonly #roomAccess: RoomAccess

  constructor(deps: {
    readonly accountData: AccountData
    readonly eventContext: EventContext
    readonly receipts: Receipts
    readonly roomAccess: RoomAccess
  }) {
    this.#accountData = deps.accountData
    this.#eventContext = deps.eventContext
    this.#receipts = deps.receipts
    this.#roomAccess = deps.roomAccess
  }

  /**
   * Moves what is named. Throws M_FORBIDDEN when the user is not joined, M_NOT_FOUND when they may not see an event, and
   * M_INVALID_PARAM for a thread that an event is not in; nothing is moved then.
   */
  async move(userId: UserId, roomId: RoomId, upTo: ReadUpTo): Promise<void> {
    const room = await this.#roomAccess.joined(userId, roomId)
    const receipts: NewReceipt[] = []
    const { threadId } = upTo
    if (upTo.read !== undefined) {
      const { event } = await this.#eventContext.event(userId, roomId, upTo.read)
      receipts.push({ type: 'm.read', event, threadId })
    }
    if (upTo.readPrivate !== undefined) {
      const { event } = await this.#eventContext.event(userId, roomId, upTo.readPrivate)
      receipts.push({ type: 'm.read.private', event, threadId })
    }
    if (upTo.fullyRead !== undefined) await this.#eventContext.event(userId, roomId, upTo.fullyRead)
    await this.#receipts.set(userId, room, receipts)
    if (upTo.fullyRead !== undefined)
      await this.#accountData.set(userId, roomId, 'm.fully_read', { event_id: upTo.fullyRead })
  }
}
