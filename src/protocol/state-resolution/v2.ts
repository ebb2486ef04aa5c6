import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'
import { stateKeyText } from '../state-key.ts'
import type { Conflicts } from './conflicts.ts'
import { conflictedSubgraph } from './conflicted-subgraph.ts'
import { authIteratively } from './iterative-auth.ts'
import { mainlineOrder } from './mainline-order.ts'
import { reverseTopologicalPowerOrder } from './power-order.ts'

const nothing = (): undefined => undefined

/**
 * State resolution of room versions 2 to 11 (v2) and 12 (v2.1).
 * https://spec.matrix.org/v1.19/rooms/v12/#algorithm
 */
export function resolveConflictsV2(conflicts: Conflicts): ReadonlyMap<string, Event> {
  const { rules, event: find } = conflicts
  const isV21 = rules.stateResolution === 'v2.1'
  const full = fullConflictedSet(conflicts)

  // Step 1. Power events, and what of the conflict authorises them, by power.
  const powerEvents = new Set<EventId>()
  for (const eventId of full) {
    const event = find(eventId)
    if (event !== undefined && isPowerEvent(event)) powerEvents.add(eventId)
  }
  addAuthChains(powerEvents, full, find)

  // Step 2. They are put into the state that nobody disagrees about; in v2.1 into an empty one.
  const base = isV21 ? nothing : conflicts.unconflicted
  const state = new Map<string, Event>()
  authIteratively(reverseTopologicalPowerOrder(powerEvents, find, rules), state, base, conflicts)

  // Step 3. The others come along the line of the power levels that resulted.
  const powerLevels = state.get(stateKeyText('m.room.power_levels', '')) ?? base('m.room.power_levels', '')
  const others: Event[] = []
  for (const eventId of full) {
    const event = powerEvents.has(eventId) ? undefined : find(eventId)
    if (event !== undefined) others.push(event)
  }

  // Step 4. And are put into the state likewise. Step 5 is the caller's.
  authIteratively(mainlineOrder(others, powerLevels, find, conflicts.powerLevelsAbove), state, base, conflicts)
  return state
}

/** Conflicted state set and auth difference, and in v2.1 the conflicted state subgraph. */
function fullConflictedSet(conflicts: Conflicts): Set<EventId> {
  const conflicted = new Set(conflicts.conflicted)
  const full = new Set(conflicted)
  for (const eventId of conflicts.authDifference) full.add(eventId)
  if (conflicts.rules.stateResolution === 'v2.1') {
    for (const eventId of conflicts.subgraph ?? conflictedSubgraph(conflicted, conflicts.event)) full.add(eventId)
  }
  return full
}

/** True for events that may take something away from somebody. https://spec.matrix.org/v1.19/rooms/v2/#definitions */
function isPowerEvent(event: Event): boolean {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return event.stateKey === ''
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false
  const { membership } = event.content
  return membership === 'leave' || membership === 'ban'
}

/**
 * Adds what authorises these events and is part of the conflict.
 *
 * @NOTE Chains are followed through conflicted events only. In v2, an event that all states agree about can stand
 * between a power event and an old conflicted one; no server in use looks behind it, and what it cites has passed before.
 */
function addAuthChains(events: Set<EventId>, full: ReadonlySet<EventId>, find: Conflicts['event']): void {
  // A set is walked in the order in which it grows.
  for (const eventId of events) {
    for (const authId of find(eventId)?.authEvents ?? []) if (full.has(authId)) events.add(authId)
  }
}
