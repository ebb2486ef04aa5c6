import type { UserId } from '../identifiers.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { splitPath, valueAt } from '../property-path.ts'

/** An event whose readers may be notified, and what the room is like at it. */
export interface PushFacts {
  /** Type, sender, room_id, state_key and content, as in the event's client form. */
  readonly event: JsonObject
  /** How many are joined. */
  readonly memberCount: number
  /** The sender's power level. */
  readonly senderLevel: number
  /** The level that a notification of this name needs, as `PowerLevels.notification` gives it. */
  readonly notificationLevel: (name: string) => number
}

/** A user whose rules are tried. `displayName` is the one in the room, for rules of older clients. */
export interface PushReader {
  readonly userId: UserId
  readonly displayName?: string | undefined
}

/** An event as push rules look at it: what was looked up once is kept. */
export class PushSubject {
  readonly facts: PushFacts
  readonly sender: JsonValue | undefined
  readonly roomId: JsonValue | undefined
  readonly #values = new Map<string, JsonValue | undefined>()
  readonly #lowered = new Map<string, string | undefined>()

  constructor(facts: PushFacts) {
    this.facts = facts
    this.sender = facts.event['sender']
    this.roomId = facts.event['room_id']
  }

  /** What stands at a path such as `content.m\.relates_to.rel_type`. */
  value(path: string): JsonValue | undefined {
    if (this.#values.has(path)) return this.#values.get(path)
    const value = valueAt(this.facts.event, splitPath(path))
    this.#values.set(path, value)
    return value
  }

  /** The text at a path in lower case; undefined when there is none, or something else. */
  lowered(path: string): string | undefined {
    if (this.#lowered.has(path)) return this.#lowered.get(path)
    const value = this.value(path)
    const lowered = typeof value === 'string' ? value.toLowerCase() : undefined
    this.#lowered.set(path, lowered)
    return lowered
  }
}
