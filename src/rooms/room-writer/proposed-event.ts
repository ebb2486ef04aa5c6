import type { EventId, UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'

/** An event that someone wants in a room, before it has a place in the graph. */
export interface ProposedEvent {
  readonly type: string
  readonly sender: UserId
  /** Undefined for an event that is not state. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** For a redaction: the event it redacts, which is known. One of others' takes the power to redact. */
  readonly redacts?: { readonly eventId: EventId; readonly eventNid: number; readonly isOwn: boolean } | undefined
  /** The request of a device that asks for it: asked for twice, it is made once. */
  readonly request?: { readonly deviceId: string; readonly txnId: string } | undefined
  /** For an invite or a knock of a user of ours: the text of a JSON list of stripped state. */
  readonly stripped?: string | undefined
}
