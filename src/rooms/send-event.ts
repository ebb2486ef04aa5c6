import { LruCache } from '#base/lru-cache.ts'
import { currentAsker, type Asker } from '#observability/asker.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import { eventByTransaction } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { Memberships } from './memberships.ts'
import type { RoomState } from './room-state.ts'
import type { RoomWriter } from './room-writer.ts'
import type { ProposedEvent } from './room-writer/proposed-event.ts'
import { RedactionTargets } from './send-event/redaction-targets.ts'
import { RelationRules } from './send-event/relation-rules.ts'
import type { SendRequest } from './send-event/send-request.ts'
import { strippedState } from './membership/stripped-state.ts'

interface UnderWay {
  readonly sending: Promise<EventId>
  readonly asker: Asker | undefined
}

/** Requests remembered in memory, so that one repeated at once finds the one under way. */
const requestsUnderWayMax = 50_000

/** Sends events of our users. */
export class SendEvent {
  readonly #database: Database
  readonly #interned: Interned
  readonly #roomState: RoomState
  readonly #roomWriter: RoomWriter
  readonly #redactionTargets: RedactionTargets
  readonly #relationRules: RelationRules
  readonly #underWay = new LruCache<string, UnderWay>(requestsUnderWayMax)

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly memberships: Memberships
    readonly roomState: RoomState
    readonly roomWriter: RoomWriter
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#roomState = deps.roomState
    this.#roomWriter = deps.roomWriter
    this.#redactionTargets = new RedactionTargets(deps)
    this.#relationRules = new RelationRules(deps)
  }

  /**
   * Sends an event and gives its id once it is durable. Repeated with the same transaction id it gives the id of the
   * first, also after a restart. A redaction names what it redacts in its content, in every room version, and redacts it.
   * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
   * @throws MatrixError M_FORBIDDEN when the room's rules do not allow it, M_TOO_LARGE, M_BAD_JSON, M_INVALID_PARAM;
   *   M_DUPLICATE_ANNOTATION, M_UNKNOWN when it may not relate to another event as it does; for a redaction
   *   M_MISSING_PARAM, M_NOT_FOUND.
   */
  send(request: SendRequest): Promise<EventId> {
    const { room } = request
    if (request.type === 'm.room.redaction')
      return this.#once(request, async (proposed) =>
        this.#roomWriter.write(room, await this.#redaction(request, proposed)),
      )
    return this.#once(request, (proposed) =>
      this.#relationRules.sendIfAllowed(request, () => this.#roomWriter.write(room, proposed)),
    )
  }

  /** Does `send`'s work for an event that `write` writes in its own way; a repeated request writes nothing. */
  #once(
    request: SendRequest,
    write: (proposed: ProposedEvent) => Promise<{ readonly eventId: string }>,
  ): Promise<EventId> {
    checkText('type', request.type)
    if (request.stateKey !== undefined) checkText('state_key', request.stateKey)
    if (request.txnId === undefined) return this.#write(request, write)
    checkText('txnId', request.txnId)
    const { requester, room, txnId } = request
    const key = `${room.roomNid} ${requester.userId} ${requester.deviceId} ${txnId}`
    const earlier = this.#underWay.get(key)
    if (earlier !== undefined && earlier.asker?.gone !== true) {
      // Two wait for it now.
      earlier.asker?.keep()
      return earlier.sending
    }
    const underWay = { sending: this.#sendOnce(request, txnId, write), asker: currentAsker() }
    this.#underWay.set(key, underWay)
    // What failed may be tried again.
    underWay.sending.catch(() => {
      if (this.#underWay.get(key) === underWay) this.#underWay.delete(key)
    })
    return underWay.sending
  }

  /** A redaction with its target found; where the room version wants the target's id is up to who builds the event. */
  async #redaction({ requester, room }: SendRequest, proposed: ProposedEvent): Promise<ProposedEvent> {
    const { redacts, ...content } = proposed.content
    return { ...proposed, content, redacts: await this.#redactionTargets.find(requester, room, redacts) }
  }

  async #sendOnce(
    request: SendRequest,
    txnId: string,
    write: (proposed: ProposedEvent) => Promise<{ readonly eventId: string }>,
  ): Promise<EventId> {
    const { requester, room } = request
    const senderNid = await this.#interned.userNid(requester.userId)
    const asked = { roomNid: room.roomNid, senderNid, deviceId: requester.deviceId, txnId }
    const earlier = await this.#database.runInteraction(
      'event_by_transaction',
      (txn) => eventByTransaction(txn, asked),
      { readOnly: true },
    )
    return earlier === undefined ? this.#write(request, write) : parseEventId(earlier.eventId)
  }

  async #write(
    request: SendRequest,
    write: (proposed: ProposedEvent) => Promise<{ readonly eventId: string }>,
  ): Promise<EventId> {
    const { requester, room, type, stateKey, content, txnId } = request
    const { membership } = content
    const announces = type === 'm.room.member' && (membership === 'invite' || membership === 'knock')
    const row = await write({
      type,
      sender: requester.userId,
      stateKey,
      content,
      request: txnId === undefined ? undefined : { deviceId: requester.deviceId, txnId },
      stripped: announces ? await strippedState(this.#roomState, room, requester.userId) : undefined,
    })
    return parseEventId(row.eventId)
  }
}

/** Identifiers are kept in columns of text, which cannot hold a NUL, and have at most 255 bytes. */
function checkText(name: string, value: string): void {
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new MatrixError('M_INVALID_PARAM', `${name} must not contain NUL or unpaired surrogates.`)
  }
  if (Buffer.byteLength(value) > 255) {
    throw new MatrixError('M_INVALID_PARAM', `${name} is longer than 255 bytes.`)
  }
}
