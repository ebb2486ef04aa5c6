import type { MembershipState } from '#rooms/memberships.ts'
import { membershipIn, stateKeyOf, type RoomStates, type StateChange, type StoredEvent } from '#rooms/room-states.ts'
import type { RoomTimeline } from './sections/timeline.ts'
import type { RoomView } from './sync-context.ts'

/** A membership, of anyone, that a sync's range has changed. */
export interface MemberChange {
  readonly roomNid: number
  /** Whose membership it is: the state key. */
  readonly userId: string
  /** At the start of the range; undefined when they had none. */
  readonly before: MembershipState | undefined
  readonly after: MembershipState | undefined
}

/** How the resolved states of rooms changed within each view's range, and the events that tell of it. */
export interface RoomChanges {
  /** By room, oldest first. */
  readonly deltas: ReadonlyMap<number, readonly StateChange[]>
  /** Every event that a delta names. */
  readonly events: ReadonlyMap<number, StoredEvent>
  /** By room. */
  readonly members: ReadonlyMap<number, readonly MemberChange[]>
}

const nothing: RoomChanges = { deltas: new Map(), events: new Map(), members: new Map() }

/** Reads the changes of the views that are owed changes. No query when no state changed, two or three otherwise. */
export async function readChanges(
  roomStates: RoomStates,
  views: readonly RoomView[],
  timelines: ReadonlyMap<number, RoomTimeline>,
): Promise<RoomChanges> {
  const deltas = new Map<number, readonly StateChange[]>()
  const owed = views.filter((view) => view.after > 0 && view.state !== 'none')
  const byRange = Map.groupBy(owed, (view) => `${view.after} ${view.upTo}`)
  for (const group of byRange.values()) {
    const [first] = group
    if (first === undefined) continue
    const roomNids = group.map((view) => view.room.roomNid)
    const read = await roomStates.changes(roomNids, first.after, first.upTo)
    for (const [roomNid, changes] of read) deltas.set(roomNid, changes)
  }
  if (deltas.size === 0) return nothing
  const events = await eventsOf(roomStates, deltas, timelines)
  return { deltas, events, members: memberChanges(deltas, events) }
}

async function eventsOf(
  roomStates: RoomStates,
  deltas: ReadonlyMap<number, readonly StateChange[]>,
  timelines: ReadonlyMap<number, RoomTimeline>,
): Promise<ReadonlyMap<number, StoredEvent>> {
  const events = new Map<number, StoredEvent>()
  for (const roomNid of deltas.keys()) {
    for (const row of timelines.get(roomNid)?.events ?? []) events.set(row.eventNid, row)
  }
  const missing = new Set<number>()
  for (const delta of [...deltas.values()].flat()) {
    for (const nid of [delta.eventNid, delta.prevEventNid]) if (nid !== null && !events.has(nid)) missing.add(nid)
  }
  for (const [nid, row] of await roomStates.events([...missing])) events.set(nid, row)
  return events
}

function memberChanges(
  deltas: ReadonlyMap<number, readonly StateChange[]>,
  events: ReadonlyMap<number, StoredEvent>,
): ReadonlyMap<number, readonly MemberChange[]> {
  const members = new Map<number, MemberChange[]>()
  for (const [roomNid, changes] of deltas) {
    const byKey = Map.groupBy(changes, (change) => change.keyNid)
    for (const ofKey of byKey.values()) {
      const first = eventNamed(events, ofKey[0]?.prevEventNid)
      const last = eventNamed(events, ofKey.at(-1)?.eventNid)
      const member = last ?? first
      if (member?.type !== 'm.room.member') continue
      const change = { roomNid, userId: stateKeyOf(member), before: membershipIn(first), after: membershipIn(last) }
      const list = members.get(roomNid)
      if (list === undefined) members.set(roomNid, [change])
      else list.push(change)
    }
  }
  return members
}

function eventNamed(events: ReadonlyMap<number, StoredEvent>, nid: number | null | undefined): StoredEvent | undefined {
  return nid == null ? undefined : events.get(nid)
}
