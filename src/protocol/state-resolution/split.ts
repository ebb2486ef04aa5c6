import type { EventId } from '../identifiers.ts'
import type { RoomVersionRules } from '../room-versions.ts'
import type { StateMap } from './conflicts.ts'

/** What the states agree about, and all events that stand under keys about which they do not. */
export interface SplitStates {
  readonly unconflicted: StateMap
  readonly conflicted: ReadonlySet<EventId>
}

/**
 * Parts what states agree about from what they do not. A key that only some of them have is in conflict from version 2
 * of the algorithm on, and not in version 1. Linear in the states.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export function splitStates(states: readonly StateMap[], rules: RoomVersionRules): SplitStates {
  const missingIsConflict = rules.stateResolution !== 'v1'
  const unconflicted = new Map<string, EventId>()
  const conflicted = new Set<EventId>()
  const keys = new Set<string>()
  for (const state of states) {
    for (const [key, eventId] of state) {
      if (keys.has(key)) continue
      keys.add(key)
      if (agree(states, key, eventId, missingIsConflict)) unconflicted.set(key, eventId)
      else {
        for (const other of states) {
          const otherId = other.get(key)
          if (otherId !== undefined) conflicted.add(otherId)
        }
      }
    }
  }
  return { unconflicted, conflicted }
}

function agree(states: readonly StateMap[], key: string, eventId: EventId, missingIsConflict: boolean): boolean {
  for (const state of states) {
    const other = state.get(key)
    if (other !== eventId && (other !== undefined || missingIsConflict)) return false
  }
  return true
}
