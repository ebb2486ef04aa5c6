import type { Event } from '../event.ts'
import { createEventIdOf } from '../hashes.ts'
import type { EventId } from '../identifiers.ts'
import { powerLevelsOf } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions.ts'

type FindEvent = (eventId: EventId) => Event | undefined

interface Node {
  readonly event: Event
  /** The sender's power level, as the event's own auth events have it. */
  readonly level: number
  /** How many of its auth events are still to come. */
  waitsFor: number
  readonly authorises: Node[]
}

/**
 * The reverse topological power ordering: an event after those that authorise it, otherwise greater power first, then
 * earlier, then the smaller id. By Kahn's algorithm with a heap. Events in a circle never come.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export function reverseTopologicalPowerOrder(
  events: ReadonlySet<EventId>,
  find: FindEvent,
  rules: RoomVersionRules,
): Event[] {
  const nodes = new Map<EventId, Node>()
  for (const eventId of events) {
    const event = find(eventId)
    if (event === undefined) continue
    nodes.set(eventId, { event, level: senderLevel(event, find, rules), waitsFor: 0, authorises: [] })
  }
  for (const node of nodes.values()) {
    for (const authId of new Set(node.event.authEvents)) {
      const authorising = nodes.get(authId)
      if (authorising === undefined) continue
      authorising.authorises.push(node)
      node.waitsFor += 1
    }
  }
  const ready = new Heap()
  for (const node of nodes.values()) if (node.waitsFor === 0) ready.push(node)
  const order: Event[] = []
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    order.push(node.event)
    for (const later of node.authorises) {
      later.waitsFor -= 1
      if (later.waitsFor === 0) ready.push(later)
    }
  }
  return order
}

function senderLevel(event: Event, find: FindEvent, rules: RoomVersionRules): number {
  let create = rules.roomIdIsCreateId ? find(createEventIdOf(event.roomId)) : undefined
  let powerLevels: Event | undefined
  for (const authId of event.authEvents) {
    const authEvent = find(authId)
    if (authEvent?.stateKey !== '') continue
    if (authEvent.type === 'm.room.power_levels') powerLevels = authEvent
    else if (authEvent.type === 'm.room.create') create = authEvent
  }
  return powerLevelsOf(powerLevels, create, rules).user(event.sender)
}

function isBefore(x: Node, y: Node): boolean {
  // 1. Greater power.
  if (x.level !== y.level) return x.level > y.level
  // 2. Earlier.
  if (x.event.originServerTs !== y.event.originServerTs) return x.event.originServerTs < y.event.originServerTs
  // 3. The smaller id.
  return x.event.eventId < y.event.eventId
}

/** A binary heap whose first is the one before all others. */
class Heap {
  readonly #nodes: Node[] = []

  push(node: Node): void {
    const nodes = this.#nodes
    let at = nodes.length
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = nodes[parentAt]
      if (parent === undefined || !isBefore(node, parent)) break
      nodes[at] = parent
      at = parentAt
    }
    nodes[at] = node
  }

  pop(): Node | undefined {
    const nodes = this.#nodes
    const first = nodes[0]
    const last = nodes.pop()
    if (last === undefined || nodes.length === 0) return first
    let at = 0
    for (;;) {
      const left = nodes[2 * at + 1]
      const right = nodes[2 * at + 2]
      if (left === undefined) break
      const useRight = right !== undefined && isBefore(right, left)
      const child = useRight ? right : left
      if (!isBefore(child, last)) break
      nodes[at] = child
      at = 2 * at + (useRight ? 2 : 1)
    }
    nodes[at] = last
    return first
  }
}
