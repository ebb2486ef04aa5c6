import { isUserId, type UserId } from './identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/** A state event cut down to what somebody invited needs to know a room by. */
export interface StrippedEvent {
  readonly type: string
  readonly stateKey: string
  readonly sender: UserId
  readonly content: JsonObject
}

/** How many events of stripped state are read; honest servers send about ten. */
export const strippedEventsMax = 200

/**
 * Reads the stripped state that another server sent with an invitation or a knock, stripped events or whole ones.
 * Takes any JSON; passes over what is no state event, what stands twice under one type and state key (the first
 * counts), and all beyond `strippedEventsMax`. Whether the create event among them is right is not looked at here.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export function readStrippedState(value: JsonValue | undefined): StrippedEvent[] {
  if (!Array.isArray(value)) return []
  const events = new Map<string, StrippedEvent>()
  for (const entry of (value as readonly JsonValue[]).slice(0, strippedEventsMax)) {
    if (!isJsonObject(entry)) continue
    const { type, sender, content } = entry
    const stateKey = entry['state_key']
    if (typeof type !== 'string' || typeof stateKey !== 'string' || !isUserId(sender) || !isJsonObject(content))
      continue
    const key = `${type}\0${stateKey}`
    if (!events.has(key)) events.set(key, { type, stateKey, sender, content })
  }
  return [...events.values()]
}

/** The stripped state as clients and other servers read it: nothing of the events but these four members. */
export function printStrippedState(events: readonly StrippedEvent[]): JsonObject[] {
  return events.map(({ type, stateKey, sender, content }) => ({ type, state_key: stateKey, sender, content }))
}
