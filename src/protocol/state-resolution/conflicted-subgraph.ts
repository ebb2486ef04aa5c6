import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'

/**
 * The conflicted state subgraph of room version 12: all events on paths along `auth_events` from one conflicted event
 * to another, ends included. Each event of the conflicted ones' auth chains is looked at once; circles are left.
 * https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export function conflictedSubgraph(
  conflicted: ReadonlySet<EventId>,
  find: (eventId: EventId) => Event | undefined,
): Set<EventId> {
  /** Whether a conflicted event can be reached from an event, or is it; undefined while that is being found out. */
  const reaches = new Map<EventId, boolean | undefined>()
  const subgraph = new Set<EventId>()
  for (const start of conflicted) {
    if (reaches.has(start)) continue
    const path: Step[] = [stepInto(start, find)]
    reaches.set(start, undefined)
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const next = step.authEvents[step.taken]
      step.taken += 1
      if (next === undefined) {
        path.pop()
        const found = step.reaches || conflicted.has(step.eventId)
        reaches.set(step.eventId, found)
        if (found) {
          subgraph.add(step.eventId)
          const parent = path.at(-1)
          if (parent !== undefined) parent.reaches = true
        }
      } else if (reaches.has(next)) {
        if (reaches.get(next) === true) step.reaches = true
      } else {
        reaches.set(next, undefined)
        path.push(stepInto(next, find))
      }
    }
  }
  return subgraph
}

interface Step {
  readonly eventId: EventId
  readonly authEvents: readonly EventId[]
  /** How many of them have been gone into. */
  taken: number
  reaches: boolean
}

function stepInto(eventId: EventId, find: (eventId: EventId) => Event | undefined): Step {
  return { eventId, authEvents: find(eventId)?.authEvents ?? [], taken: 0, reaches: false }
}
