import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import type { JsonValue } from '#protocol/json.ts'
import { eventsByIds } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'
import type { Room } from '../known-rooms.ts'
import type { Memberships } from '../memberships.ts'

/** Without its create event a room is none, and an empty access list shuts every server out. */
const neverRedacted: ReadonlySet<string> = new Set(['m.room.create', 'm.room.server_acl'])

/** The events that redactions by our users are aimed at. */
export class RedactionTargets {
  readonly #database: Database
  readonly #interned: Interned
  readonly #memberships: Memberships

  constructor(deps: { readonly database: Database; readonly interned: Interned; readonly memberships: Memberships }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#memberships = deps.memberships
  }

  /**
   * The event that `redacts`, of a client's making, names. Whether the requester has the power to redact it is looked at
   * when the redaction gets its place in the room. https://spec.matrix.org/v1.19/client-server-api/#redactions
   * @throws MatrixError M_MISSING_PARAM, M_INVALID_PARAM when it names none, M_FORBIDDEN, M_NOT_FOUND when the room has
   *   no such event.
   */
  async find(
    requester: Requester,
    room: Room,
    redacts: JsonValue | undefined,
  ): Promise<{ readonly eventId: EventId; readonly eventNid: number; readonly isOwn: boolean }> {
    await this.#memberships.requireJoined(requester.userId, room.roomNid)
    if (typeof redacts !== 'string') {
      throw new MatrixError('M_MISSING_PARAM', 'redacts has to be there and name the event to redact.')
    }
    const eventId = parseEventId(redacts)
    const [target] = await this.#database.runInteraction(
      'redaction_target',
      (txn) => eventsByIds(txn, room.roomNid, [eventId]),
      { readOnly: true },
    )
    if (target === undefined || target.rejected !== null)
      throw new MatrixError('M_NOT_FOUND', 'This room has no such event.')
    if (neverRedacted.has(target.type) && target.keyNid !== null) {
      throw new MatrixError('M_FORBIDDEN', `An event of type ${target.type} cannot be redacted.`)
    }
    const isOwn = target.senderNid === (await this.#interned.userNid(requester.userId))
    return { eventId, eventNid: target.eventNid, isOwn }
  }
}
