import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'
import { stateKeyText } from '../state-key.ts'
import type { StateMap } from './conflicts.ts'
import type { SplitStates } from './split.ts'

type FindEvent = (eventId: EventId) => Event | undefined

/**
 * The auth difference of states: the events in the auth chains of some of them but not of all.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 *
 * @NOTE A state's chain counts here with the events of the state themselves. Read to the letter, the definition leaves
 * them out, so that an event which all states agree about could be part of the difference; no server in use does that,
 * and in room version 12 it would now and then give another state than theirs.
 *
 * What the states agree about, and all that authorises it, is in every chain. So only what differs is walked, and not
 * through what is agreed upon; the rest is walked only when something is left that it might authorise too. Conflicted
 * events may stand in the result beyond that: they are part of the full conflicted set in any case.
 */
export function authDifferenceOf(states: readonly StateMap[], split: SplitStates, find: FindEvent): Set<EventId> {
  const { unconflicted, conflicted } = split
  const agreed = new Set(unconflicted.values())
  const chains = states.map((state) => {
    const own = [...conflicted].filter((eventId) => holds(state, eventId, find))
    return chainOf(own, find, (eventId) => agreed.has(eventId))
  })
  const difference = new Set<EventId>()
  for (const chain of chains) {
    for (const eventId of chain) if (!chains.every((other) => other.has(eventId))) difference.add(eventId)
  }
  if ([...difference].every((eventId) => conflicted.has(eventId))) return difference
  for (const eventId of chainOf(agreed, find, () => false)) difference.delete(eventId)
  return difference
}

/** True when the event stands in the state. */
function holds(state: StateMap, eventId: EventId, find: FindEvent): boolean {
  const event = find(eventId)
  if (event?.stateKey === undefined) return false
  return state.get(stateKeyText(event.type, event.stateKey)) === eventId
}

/** The events, all that authorise them, and so on, each once; not beyond those where `stop` says so. */
function chainOf(start: Iterable<EventId>, find: FindEvent, stop: (eventId: EventId) => boolean): Set<EventId> {
  const chain = new Set(start)
  // A set is walked in the order in which it grows, so that it is its own queue.
  for (const eventId of chain) {
    if (stop(eventId)) continue
    for (const authId of find(eventId)?.authEvents ?? []) if (!stop(authId)) chain.add(authId)
  }
  return chain
}
