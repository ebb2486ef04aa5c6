import type { EventId } from '#protocol/identifiers.ts'
import type { Requester } from '#users/requester.ts'
import type { Room } from './known-rooms.ts'
import type { SendEvent } from './send-event.ts'

/** Takes the content of events away. */
export class Redact {
  readonly #sendEvent: SendEvent

  constructor(deps: { readonly sendEvent: SendEvent }) {
    this.#sendEvent = deps.sendEvent
  }

  /**
   * Redacts an event: one's own, or anybody's with the power to. The stored text stays; readers are given what the
   * room version's redaction leaves. Gives the id of the redaction once it is durable; a transaction id counts as in
   * `SendEvent.send`. https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
   * @throws MatrixError M_FORBIDDEN, M_NOT_FOUND when the room has no such event.
   */
  redact(request: {
    readonly requester: Requester
    readonly room: Room
    readonly eventId: EventId
    readonly content: { readonly reason?: string }
    readonly txnId?: string | undefined
  }): Promise<EventId> {
    const { requester, room, eventId, txnId } = request
    const content = { ...request.content, redacts: eventId }
    return this.#sendEvent.send({ requester, room, type: 'm.room.redaction', content, txnId })
  }
}
