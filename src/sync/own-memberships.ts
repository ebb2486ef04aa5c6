import type { MembershipRow, MembershipState } from '#rooms/memberships.ts'
import { membershipIn, type RoomStates, type StoredEvent } from '#rooms/room-states.ts'

/** How many departures in a row (left, banned, unbanned, …) are followed back to the stay before them. */
const departuresMax = 16

/** What a user was in a room over a range of positions, before what they are now. */
export interface PastMemberships {
  /** At the start of the range; undefined when they were nothing. */
  readonly atStart: MembershipState | undefined
  /** Set and replaced within the range, oldest first. */
  readonly between: readonly MembershipState[]
}

/**
 * What a user was in each of these rooms, in which their membership changed after `after` and not after `upTo`. Three
 * queries at most, whatever the number of rooms.
 */
export async function pastMemberships(
  roomStates: RoomStates,
  rows: readonly MembershipRow[],
  range: { readonly after: number; readonly upTo: number },
): Promise<ReadonlyMap<number, PastMemberships>> {
  if (rows.length === 0) return new Map()
  const own = await roomStates.events(rows.map((row) => row.eventNid))
  const roomNids = rows.map((row) => row.roomNid)
  const changes = await roomStates.changes(roomNids, range.after, range.upTo)
  const replaced = new Map<number, (number | null)[]>()
  for (const row of rows) {
    const keyNid = own.get(row.eventNid)?.keyNid
    const deltas = (changes.get(row.roomNid) ?? []).filter((delta) => delta.keyNid === keyNid)
    const nids = deltas.map((delta) => delta.prevEventNid)
    replaced.set(row.roomNid, nids)
  }
  const events = await roomStates.events([...replaced.values()].flat().filter((nid) => nid !== null))
  const past = new Map<number, PastMemberships>()
  for (const [roomNid, nids] of replaced) {
    const [atStart, ...between] = nids.map((nid) => (nid === null ? undefined : membershipIn(events.get(nid))))
    past.set(roomNid, { atStart, between: between.filter((membership) => membership !== undefined) })
  }
  return past
}

/**
 * For rooms that a user is no longer in, the position of the event by which they left after having been joined; rooms
 * in which they never were are left out. No query but for those who were gone before it was noted: `departuresMax` at most, whatever their number.
 */
export async function endsOfStay(
  roomStates: RoomStates,
  rows: readonly MembershipRow[],
): Promise<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>()
  for (const { roomNid, stayEnd } of rows) if (stayEnd !== null && stayEnd > 0) ends.set(roomNid, stayEnd)
  // Those who were gone before it was noted.
  const older = rows.filter((row) => row.stayEnd === null)
  let departures = [...(await roomStates.events(older.map((row) => row.eventNid))).values()]
  for (let step = 0; step < departuresMax && departures.length > 0; step++) {
    const before = await roomStates.events(departures.flatMap((row) => row.replacesNid ?? []))
    const earlier: StoredEvent[] = []
    for (const departure of departures) {
      const replaced = departure.replacesNid === null ? undefined : before.get(departure.replacesNid)
      const membership = membershipIn(replaced)
      if (membership === 'join') ends.set(departure.roomNid, departure.streamPosition ?? 0)
      else if (replaced !== undefined && (membership === 'leave' || membership === 'ban')) earlier.push(replaced)
    }
    departures = earlier
  }
  return ends
}
