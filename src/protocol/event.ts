import type { JsonObject } from './json.ts'
import type { EventId, RoomId, UserId } from './identifiers.ts'

/**
 * An event as servers exchange it, parsed, with its id beside it. `pdu` is the whole object, unknown keys included,
 * and is never changed. The other fields are read from it once, when the event is parsed or built.
 * https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
export interface Event {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  readonly sender: UserId
  /** Undefined when this is not a state event. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly depth: number
  readonly originServerTs: number
  readonly authEvents: readonly EventId[]
  readonly prevEvents: readonly EventId[]
  readonly pdu: JsonObject
}
