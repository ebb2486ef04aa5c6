import { checkAuth } from '../auth-rules.ts'
import { sha1Hex } from '../crypto.ts'
import type { Event } from '../event.ts'
import { stateKeyText } from '../state-key.ts'
import type { Conflicts } from './conflicts.ts'

/**
 * State resolution of room version 1, which is known to set rooms back to older states.
 * https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 */
export function resolveConflictsV1(conflicts: Conflicts): ReadonlyMap<string, Event> {
  const groups = groupsByKey(conflicts)
  const state = new Map<string, Event>()
  // Power levels first, then join rules, then members: each kind is settled before the next looks at it.
  for (const type of ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']) {
    const settled: [string, Event][] = []
    for (const [key, events] of groups) {
      const [first] = events
      if (first?.type === type) settled.push([key, settleAuthEvents(events, first, state, conflicts)])
    }
    for (const [key, event] of settled) state.set(key, event)
  }
  // Nothing else bears on the rules.
  const rest: [string, Event][] = []
  for (const [key, events] of groups) {
    const event = state.has(key) ? undefined : settleOthers(events, state, conflicts)
    if (event !== undefined) rest.push([key, event])
  }
  for (const [key, event] of rest) state.set(key, event)
  return state
}

/** The conflicted events under each key, by ascending depth and then descending SHA-1 of the id. */
function groupsByKey(conflicts: Conflicts): Map<string, Event[]> {
  const groups = new Map<string, { event: Event; hash: string }[]>()
  for (const eventId of conflicts.conflicted) {
    const event = conflicts.event(eventId)
    if (event?.stateKey === undefined) continue
    const key = stateKeyText(event.type, event.stateKey)
    const group = groups.get(key)
    const entry = { event, hash: sha1Hex(eventId) }
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  const ordered = new Map<string, Event[]>()
  for (const [key, group] of groups) {
    group.sort((x, y) => x.event.depth - y.event.depth || (x.hash > y.hash ? -1 : 1))
    ordered.set(
      key,
      group.map(({ event }) => event),
    )
  }
  return ordered
}

/** The first counts; each further one while the rules allow it after the one before. */
function settleAuthEvents(
  events: readonly Event[],
  first: Event,
  state: ReadonlyMap<string, Event>,
  conflicts: Conflicts,
): Event {
  let settled = first
  const ownKey = stateKeyText(first.type, first.stateKey ?? '')
  for (const event of events.slice(1)) {
    const lookup = (type: string, stateKey: string): Event | undefined => {
      const key = stateKeyText(type, stateKey)
      return key === ownKey ? settled : (state.get(key) ?? conflicts.unconflicted(type, stateKey))
    }
    if (!checkAuth(event, lookup, conflicts.rules).allowed) break
    settled = event
  }
  return settled
}

/** The deepest that the rules allow; the specification is silent on none: then the one least deep, as servers do. */
function settleOthers(
  events: readonly Event[],
  state: ReadonlyMap<string, Event>,
  conflicts: Conflicts,
): Event | undefined {
  const lookup = (type: string, stateKey: string): Event | undefined =>
    state.get(stateKeyText(type, stateKey)) ?? conflicts.unconflicted(type, stateKey)
  return events.findLast((event) => checkAuth(event, lookup, conflicts.rules).allowed) ?? events[0]
}
