import { isUserId, type UserId } from '#protocol/identifiers.ts'
import { stateKeyOf, type RoomStates, type StateChange, type StoredEvent } from '#rooms/room-states.ts'
import type { RoomChanges } from '../room-changes.ts'
import type { SentMembers } from '../sent-members.ts'
import { isNew, type RoomView, type SyncContext } from '../sync-context.ts'
import { wantsAll } from '#protocol/filters.ts'
import { wantsEvent } from '../sync-filter.ts'
import type { RoomTimeline } from './timeline.ts'

export interface StateSources {
  readonly roomStates: RoomStates
  readonly sentMembers: SentMembers
}

/** What the state of rooms is made from: read before, for all of them. */
export interface StateBasis {
  readonly timelines: ReadonlyMap<number, RoomTimeline>
  readonly changes: RoomChanges
  /** Members whose events must be there because the summary names them, by room. */
  readonly heroes: ReadonlyMap<number, readonly UserId[]>
}

/**
 * The state that stands beside each timeline. It is resolved state: what the room's state is at the two ends, never the
 * last state event seen.
 *
 * Under `state`, a client applies the list and then the timeline's state events. So a key that the timeline sets is
 * told as it was at the timeline's start, and any other key as it is at the end. Under `state_after` it applies the
 * list alone, which tells every key as it is at the end.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export async function readStates(
  sources: StateSources,
  context: SyncContext,
  views: readonly RoomView[],
  basis: StateBasis,
): Promise<ReadonlyMap<number, readonly StoredEvent[]>> {
  const owed = views.filter((view) => view.state !== 'none')
  const lazy = context.request.filter.room.state.lazyLoadMembers
  const wholes = positionsOf(owed.filter((view) => view.state === 'whole'))
  const stated = Map.groupBy(await sources.roomStates.at(wholes, { members: !lazy }), (row) => row.roomNid)
  const members = lazy ? await lazyMembers(sources, context, owed, basis) : new Map<number, readonly StoredEvent[]>()
  const ends = new Map<number, readonly StoredEvent[]>()
  for (const view of owed) {
    const { roomNid } = view.room
    const whole = stated.get(roomNid) ?? []
    const changed = view.state === 'changes' ? finalEvents(basis.changes, roomNid) : []
    ends.set(roomNid, distinct([...whole, ...changed, ...(members.get(roomNid) ?? [])]))
  }
  const atEnd = context.request.stateAfter !== undefined
  const states = atEnd ? ends : await atStarts(sources, owed, { ends, lazy: members, ...basis })
  return filtered(sources, context, owed, states)
}

function positionsOf(views: readonly RoomView[]): Map<number, number> {
  return new Map(views.map((view) => [view.room.roomNid, view.upTo]))
}

function distinct(rows: readonly StoredEvent[]): readonly StoredEvent[] {
  return [...new Map(rows.map((row) => [row.eventNid, row])).values()]
}

/** The event that each changed key of a room has at the end of the range. */
function finalEvents(changes: RoomChanges, roomNid: number): StoredEvent[] {
  const last = new Map<number, StateChange>()
  for (const delta of changes.deltas.get(roomNid) ?? []) last.set(delta.keyNid, delta)
  return [...last.values()].flatMap((delta) =>
    delta.eventNid === null ? [] : (changes.events.get(delta.eventNid) ?? []),
  )
}

/** The member events, at the end of each view, that a lazily loading client needs and does not have. */
async function lazyMembers(
  sources: StateSources,
  context: SyncContext,
  views: readonly RoomView[],
  basis: StateBasis,
): Promise<ReadonlyMap<number, readonly StoredEvent[]>> {
  const { requester, filter } = context.request
  const senderNids = views.flatMap(
    (view) => basis.timelines.get(view.room.roomNid)?.events.map((row) => row.senderNid) ?? [],
  )
  const senders = await sources.roomStates.userIds([...new Set(senderNids)])
  const needed = new Map<number, Set<UserId>>()
  const positions = new Map<number, number>()
  for (const view of views) {
    const { roomNid, roomId } = view.room
    if (isNew(view)) sources.sentMembers.forget(requester, roomId)
    const wanted = new Set<UserId>(basis.heroes.get(roomNid))
    if (view.state === 'whole') wanted.add(requester.userId)
    for (const row of basis.timelines.get(roomNid)?.events ?? []) {
      const sender = senders.get(row.senderNid)
      if (sender !== undefined) wanted.add(sender)
    }
    if (view.state === 'changes' && !filter.room.state.includeRedundantMembers) {
      for (const member of wanted) {
        if (sources.sentMembers.knows(requester, roomId, member, view.after)) wanted.delete(member)
      }
    }
    if (wanted.size === 0) continue
    sources.sentMembers.note(requester, roomId, wanted, context.upTo.events)
    needed.set(roomNid, wanted)
    positions.set(roomNid, view.upTo)
  }
  const everyone = new Set([...needed.values()].flatMap((members) => [...members]))
  const rows = await sources.roomStates.membersAt(positions, [...everyone])
  const mine = rows.filter((row) => {
    const member = stateKeyOf(row)
    return isUserId(member) && needed.get(row.roomNid)?.has(member) === true
  })
  return Map.groupBy(mine, (row) => row.roomNid)
}

/** Turns the states at the ends of the timelines into those at their starts, where the timelines change them. */
async function atStarts(
  sources: StateSources,
  views: readonly RoomView[],
  basis: StateBasis & {
    readonly ends: ReadonlyMap<number, readonly StoredEvent[]>
    /** Which of the ends are there because a lazily loading client does not know the member. */
    readonly lazy: ReadonlyMap<number, readonly StoredEvent[]>
  },
): Promise<ReadonlyMap<number, readonly StoredEvent[]>> {
  const kept = new Map<number, StoredEvent[]>()
  const replaced: number[] = []
  for (const view of views) {
    const { roomNid } = view.room
    const set = firstOfKeys(basis.timelines.get(roomNid)?.events ?? [])
    const end = basis.ends.get(roomNid) ?? []
    const rows = end.filter((row) => row.keyNid === null || !set.has(row.keyNid))
    kept.set(roomNid, rows)
    const unknown = new Set(view.state === 'whole' ? end : basis.lazy.get(roomNid))
    for (const row of end) {
      const first = row.keyNid === null ? undefined : set.get(row.keyNid)
      if (first === undefined) continue
      const inGap = lastBefore(first, basis.changes.deltas.get(roomNid) ?? [])
      if (inGap !== undefined) replaced.push(...nidOf(inGap.eventNid))
      else if (unknown.has(row)) replaced.push(...nidOf(first.replacesNid))
    }
  }
  for (const row of (await sources.roomStates.events([...new Set(replaced)])).values()) kept.get(row.roomNid)?.push(row)
  return kept
}

/** The first event of each key that a timeline sets. */
function firstOfKeys(events: readonly StoredEvent[]): ReadonlyMap<number, StoredEvent> {
  const first = new Map<number, StoredEvent>()
  for (const row of events) if (row.keyNid !== null && !first.has(row.keyNid)) first.set(row.keyNid, row)
  return first
}

/** The last change of an event's key that came before the event. */
function lastBefore(event: StoredEvent, deltas: readonly StateChange[]): StateChange | undefined {
  const position = event.streamPosition ?? 0
  return deltas.findLast((delta) => delta.keyNid === event.keyNid && delta.streamPosition < position)
}

function nidOf(eventNid: number | null): number[] {
  return eventNid === null ? [] : [eventNid]
}

async function filtered(
  sources: StateSources,
  context: SyncContext,
  views: readonly RoomView[],
  states: ReadonlyMap<number, readonly StoredEvent[]>,
): Promise<ReadonlyMap<number, readonly StoredEvent[]>> {
  const filter = context.request.filter.room.state
  if (wantsAll(filter)) return states
  const rows = [...states.values()].flat()
  const senders = await sources.roomStates.userIds([...new Set(rows.map((row) => row.senderNid))])
  const wanted = new Map<number, readonly StoredEvent[]>()
  for (const { room } of views) {
    const list = (states.get(room.roomNid) ?? []).filter((row) => {
      const sender = senders.get(row.senderNid)
      return sender !== undefined && wantsEvent(filter, row, { sender, roomId: room.roomId })
    })
    wanted.set(room.roomNid, list)
  }
  return wanted
}
