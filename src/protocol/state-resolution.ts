import type { Event } from './event.ts'
import type { EventId } from './identifiers.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { stateKeyText } from './state-key.ts'
import { authDifferenceOf } from './state-resolution/auth-difference.ts'
import type { Conflicts, EventSource, StateMap } from './state-resolution/conflicts.ts'
import { splitStates } from './state-resolution/split.ts'
import { resolveConflictsV1 } from './state-resolution/v1.ts'
import { resolveConflictsV2 } from './state-resolution/v2.ts'

export type { Conflicts, EventSource, StateMap }

/**
 * The state after several branches of a room have met: the resolution of the states at their ends, by the algorithm of
 * the room's version. The order of the states never matters; equal states come back as they are. Events that
 * authorise each other in a circle, and those that are not known, are left out. Time: linear in the states and in the
 * auth chains of what differs, times the logarithm of the number of conflicted events.
 * https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
 */
export function resolveState(
  states: readonly StateMap[],
  source: EventSource,
  rules: RoomVersionRules,
): ReadonlyMap<string, EventId> {
  const { unconflicted, conflicted } = splitStates(states, rules)
  if (conflicted.size === 0) return unconflicted
  const result = new Map<string, EventId>()
  const resolved = resolveConflicts({
    ...source,
    rules,
    conflicted: [...conflicted],
    authDifference:
      rules.stateResolution === 'v1' ? new Set() : authDifferenceOf(states, { unconflicted, conflicted }, source.event),
    unconflicted: (type, stateKey) => {
      const eventId = unconflicted.get(stateKeyText(type, stateKey))
      return eventId === undefined ? undefined : source.event(eventId)
    },
  })
  for (const [key, event] of resolved) result.set(key, event.eventId)
  // Step 5 of version 2: what nobody disagrees about stays.
  for (const [key, eventId] of unconflicted) result.set(key, eventId)
  return result
}

/**
 * Settles conflicts, for callers that tell states apart themselves and know their auth chains. Gives the event under
 * each key that was settled, by `stateKeyText`; what the caller has under an unconflicted key goes before it.
 */
export function resolveConflicts(conflicts: Conflicts): ReadonlyMap<string, Event> {
  return conflicts.rules.stateResolution === 'v1' ? resolveConflictsV1(conflicts) : resolveConflictsV2(conflicts)
}
