import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import { authIncompleteAmong, authMissedBy, setAuthGaps } from '#storage/auth-chains.ts'
import { deleteMissingOf, missedBy } from '#storage/event-edges.ts'
import { deleteEvents, insertEvents, type EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'

/** What is not here of the auth chains that an event brings together. */
export interface AuthGaps {
  /** Its auth events that are not here, or not with their whole chains, or that can authorize nothing. */
  readonly missing: readonly EventId[]
  /** The number that it has so far, should it have been kept while its chain was not whole: no other event names it. */
  readonly oldNid: number | undefined
  /** Whether all of the state given with it is here, with whole chains. */
  readonly isStateWhole: boolean
}

/** Finds out what of an event's auth chain is not here. `rows`: those of the events it names, and its own. One query. */
export async function authGapsOf(
  txn: Transaction,
  of: {
    readonly room: Room
    readonly event: Event
    readonly state: readonly EventId[]
    readonly rows: ReadonlyMap<string, EventRow>
  },
): Promise<AuthGaps> {
  const { room, event, state, rows } = of
  const own = rows.get(event.eventId)
  const asked = [event.eventId, ...event.authEvents, ...state].flatMap((id) => rows.get(id)?.eventNid ?? [])
  const incomplete = await authIncompleteAmong(txn, room.roomNid, asked)
  const isWhole = (id: EventId): boolean => {
    const row = rows.get(id)
    return row !== undefined && row.keyNid !== null && !incomplete.has(row.eventNid) && id !== event.eventId
  }
  return {
    missing: [...new Set(event.authEvents)].filter((id) => !isWhole(id)),
    oldNid: own !== undefined && incomplete.has(own.eventNid) ? own.eventNid : undefined,
    isStateWhole: state.every(isWhole),
  }
}

/** Takes an event away that is about to be kept under a new number. */
export async function takeAway(txn: Transaction, room: Room, eventNid: number): Promise<void> {
  await deleteMissingOf(txn, room.roomNid, eventNid)
  await setAuthGaps(txn, room.roomNid, eventNid, [])
  await deleteEvents(txn, [eventNid])
}

/** The events that are kept aside until this one is here, and those whose auth chains lack it. */
export async function waitingFor(txn: Transaction, room: Room, event: Event): Promise<number[]> {
  const missed = await missedBy(txn, room.roomNid, event.eventId)
  const lacking = await authMissedBy(txn, room.roomNid, event.eventId)
  return [...missed.filter((each) => each.outlier === 1).map((each) => each.eventNid), ...lacking]
}

/**
 * Keeps an event out of the graph. As long as it lacks auth events, no other event names it by its number; once it has
 * them all it gets a new one, so that events have larger numbers than what authorizes them.
 */
export async function insertAside(
  txn: Transaction,
  event: Event,
  found: {
    readonly room: Room
    readonly rows: ReadonlyMap<string, EventRow>
    readonly aside: EventRow
    readonly gaps: AuthGaps
  },
): Promise<void> {
  const { room, rows, aside, gaps } = found
  if (gaps.oldNid !== undefined) await takeAway(txn, room, gaps.oldNid)
  const missing = new Set(gaps.missing)
  const authNids = new Set(event.authEvents.flatMap((id) => (missing.has(id) ? [] : (rows.get(id)?.eventNid ?? []))))
  await insertEvents(txn, [{ ...aside, prevNids: [], authNids: [...authNids] }])
  if (aside.keyNid !== null) await setAuthGaps(txn, room.roomNid, aside.eventNid, gaps.missing)
}
