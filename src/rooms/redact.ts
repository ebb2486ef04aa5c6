import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import { eventsByIds } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'
import type { Room } from './known-rooms.ts'
import type { Memberships } from './memberships.ts'
import type { RoomPowers } from './power-levels.ts'
import type { RoomWriter } from './room-writer.ts'
import type { SendEvent } from './send-event.ts'

/** Takes the content of events away. */
export class Redact {
  readonly #database: Database
  readonly #interned: Interned
  readonly #memberships: Memberships
  readonly #powers: RoomPowers
  readonly #roomWriter: RoomWriter
  readonly #sendEvent: SendEvent

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly memberships: Memberships
    readonly powers: RoomPowers
    readonly roomWriter: RoomWriter
    readonly sendEvent: SendEvent
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#memberships = deps.memberships
    this.#powers = deps.powers
    this.#roomWriter = deps.roomWriter
    this.#sendEvent = deps.sendEvent
  }

  /**
   * Redacts an event: one's own, or anybody's with the power to. The stored text stays; readers are given what the
   * room version's redaction leaves. Gives the id of the redaction once it is durable; a transaction id counts as in
   * `SendEvent.send`. https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
   * @throws MatrixError M_FORBIDDEN, M_NOT_FOUND when the room has no such event.
   */
  async redact(request: {
    readonly requester: Requester
    readonly room: Room
    readonly eventId: EventId
    readonly content: { readonly reason?: string }
    readonly txnId?: string | undefined
  }): Promise<EventId> {
    const { requester, room, eventId, content, txnId } = request
    await this.#memberships.requireJoined(requester.userId, room.roomNid)
    const [target] = await this.#database.runInteraction(
      'redaction_target',
      (txn) => eventsByIds(txn, room.roomNid, [eventId]),
      { readOnly: true },
    )
    if (target === undefined) throw new MatrixError('M_NOT_FOUND', 'This room has no such event.')
    if (target.senderNid !== (await this.#interned.userNid(requester.userId))) {
      const levels = await this.#powers.of(room)
      if (levels.user(requester.userId) < levels.named('redact')) {
        throw new MatrixError('M_FORBIDDEN', "You do not have the power to redact other people's events here.")
      }
    }
    const redacts = { eventId: parseEventId(target.eventId), eventNid: target.eventNid }
    return this.#sendEvent.once({ requester, room, type: 'm.room.redaction', content, txnId }, (proposed) =>
      this.#roomWriter.write(room, { ...proposed, redacts }),
    )
  }
}
