import type { JsonObject } from '#protocol/json.ts'
import type { Requester } from '#users/requester.ts'
import type { Room } from '../known-rooms.ts'

/** A client's wish to send an event. */
export interface SendRequest {
  readonly requester: Requester
  readonly room: Room
  readonly type: string
  /** For a state event. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** The client's transaction id: the same one from the same device in the same room makes one event. */
  readonly txnId?: string | undefined
}
