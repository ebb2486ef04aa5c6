import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'

type FindEvent = (eventId: EventId) => Event | undefined

/**
 * The mainline ordering based on a power levels event: what was sent under older power levels of its line first, what
 * stands under none of them before all, then by time, then by id. Without power levels, by time and id alone. `above`
 * leads along the lines of power levels.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export function mainlineOrder(
  events: readonly Event[],
  powerLevels: Event | undefined,
  find: FindEvent,
  above: (powerLevels: Event) => Event | undefined = (event) => powerLevelsAbove(event, find),
): Event[] {
  /** Positions of the power levels in the line, and of others once they are known. */
  const positions = new Map<EventId, number>()
  let position = 0
  for (let event = powerLevels; event !== undefined && !positions.has(event.eventId); event = above(event)) {
    positions.set(event.eventId, position)
    position += 1
  }
  const positionOf = (event: Event): number => {
    // The walk passes power levels that others will pass, too: all of them get the position found at its end.
    const passed: EventId[] = []
    let found = Number.POSITIVE_INFINITY
    for (let at = powerLevelsAbove(event, find); at !== undefined; at = above(at)) {
      const known = positions.get(at.eventId)
      if (known !== undefined) {
        found = known
        break
      }
      passed.push(at.eventId)
      // Only a circle brings this back before it is known.
      positions.set(at.eventId, Number.POSITIVE_INFINITY)
    }
    for (const eventId of passed) positions.set(eventId, found)
    return found
  }
  return events
    .map((event) => ({ event, position: positionOf(event) }))
    .sort((x, y) => {
      // 1. Further from the present.
      if (x.position !== y.position) return x.position > y.position ? -1 : 1
      // 2. Earlier.
      if (x.event.originServerTs !== y.event.originServerTs) return x.event.originServerTs - y.event.originServerTs
      // 3. The smaller id.
      return x.event.eventId < y.event.eventId ? -1 : 1
    })
    .map(({ event }) => event)
}

/** The power levels that an event names among its auth events. */
function powerLevelsAbove(event: Event, find: FindEvent): Event | undefined {
  for (const authId of event.authEvents) {
    const authEvent = find(authId)
    if (authEvent?.type === 'm.room.power_levels' && authEvent.stateKey === '') return authEvent
  }
  return undefined
}
