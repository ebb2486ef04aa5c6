import { checkAuth } from '../auth-rules.ts'
import type { Event } from '../event.ts'
import { createEventIdOf } from '../hashes.ts'
import { stateKeyText } from '../state-key.ts'
import type { Conflicts } from './conflicts.ts'

/**
 * The iterative auth checks: puts one event after the other into the state, each if the auth rules allow it there.
 * What the rules look for and `state` lacks is taken from `base`, then from the event's own auth events, unless those
 * were rejected. `state` is changed.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export function authIteratively(
  events: readonly Event[],
  state: Map<string, Event>,
  base: Conflicts['unconflicted'],
  conflicts: Conflicts,
): void {
  for (const event of events) {
    if (event.stateKey === undefined) continue
    const own = ownAuthEvents(event, conflicts)
    const lookup = (type: string, stateKey: string): Event | undefined => {
      const key = stateKeyText(type, stateKey)
      return state.get(key) ?? base(type, stateKey) ?? own.get(key)
    }
    if (checkAuth(event, lookup, conflicts.rules).allowed) state.set(stateKeyText(event.type, event.stateKey), event)
  }
}

function ownAuthEvents(event: Event, conflicts: Conflicts): ReadonlyMap<string, Event> {
  const own = new Map<string, Event>()
  const { authEvents } = event
  // From room version 12 on events do not name the create event, but their room's id does.
  const ids = conflicts.rules.roomIdIsCreateId ? [...authEvents, createEventIdOf(event.roomId)] : authEvents
  for (const authId of ids) {
    const authEvent = conflicts.event(authId)
    if (authEvent?.stateKey === undefined || conflicts.isRejected(authId)) continue
    own.set(stateKeyText(authEvent.type, authEvent.stateKey), authEvent)
  }
  return own
}
