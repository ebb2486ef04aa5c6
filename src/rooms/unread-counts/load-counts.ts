import type { ServerName, UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import { uncountedEvents } from '#storage/unread-counts.ts'
import type { UserNotifications } from '#users/notification-settings.ts'
import type { Room } from '../known-rooms.ts'
import { readCountable } from './count.ts'
import type { EventFacts, Moment } from './event-facts.ts'
import type { Recall } from './facts-in-memory.ts'
import { readStandings, storedTallies, type Standing } from './standings.ts'
import { countOn, nothingUnread, unsettle, type CountedEvent, type Reader, type Tallies } from './tallies.ts'

/** Events behind a room's counters that are looked at; the counters are moved on long before there are so many. */
const behindCountersMax = 1_000
/** Events that are looked at in a room without counters, until it has some. */
const withoutCountersMax = 100

/** Who wants to know of which rooms what is unread, and as of which position of the events stream. */
export interface Look {
  readonly userId: UserId
  readonly settings: UserNotifications
  readonly upTo: number
  readonly rooms: ReadonlyMap<number, Room>
}

/** What was found of one room. */
export interface LoadedCounts {
  readonly roomNid: number
  readonly reader: Reader
  readonly tallies: Tallies
  /** As of here: where counters are ahead of who asks, a little later. */
  readonly upTo: number
  /** How many events had to be looked at. */
  readonly lookedAt: number
}

/** What has been read, ready to be counted. */
interface Read {
  readonly standing: Standing
  readonly before: Tallies
  readonly events: readonly CountedEvent[]
  readonly upTo: number
}

/**
 * Reads what a user has unread in rooms they are joined to: the counters, and the events since. Where the counters do not
 * hold any more, everything that the user has not read is counted, as far as its limit. A fixed number of queries,
 * whatever the number of rooms.
 */
export async function loadCounts(
  txn: Transaction,
  look: Look & { readonly roomNids: readonly number[]; readonly userNid: number; readonly serverName: ServerName },
  recall: Recall,
): Promise<{
  readonly rooms: readonly Read[]
  readonly facts: readonly EventFacts[]
  readonly moments: ReadonlyMap<number, Moment>
}> {
  const { userId, userNid, settings, upTo, rooms, serverName } = look
  const standings = await readStandings(txn, look.roomNids, [{ userId, userNid, settings }])
  const read = async (list: readonly Standing[], withoutCounters: boolean, limit: number): Promise<EventRow[]> => {
    const roomNids = list.map((standing) => standing.roomNid)
    if (roomNids.length === 0) return []
    const user = { userId, userNid }
    return uncountedEvents(txn, { user, upTo, roomNids, withoutCounters, limit })
  }
  const counted = standings.filter((standing) => standing.countedUpTo !== undefined)
  const uncounted = standings.filter((standing) => standing.countedUpTo === undefined)
  const rows = await read(counted, false, behindCountersMax)
  rows.push(...(await read(uncounted, false, withoutCountersMax)))
  const basis = { rooms, serverName, everyName: true }
  const first = await readCountable(txn, rows, standings, { ...basis, known: knownOf(rows, recall) })
  const unsettled = first.standings.filter((each) => isUnsettled(each, first.events.get(each.roomNid) ?? []))
  const again = await readCountable(txn, await read(unsettled, true, behindCountersMax), unsettled, basis)
  const anew = new Map(again.standings.map((standing) => [standing.roomNid, standing]))
  const found = first.standings.map((settled): Read => {
    const standing = anew.get(settled.roomNid) ?? settled
    const isAnew = standing !== settled
    const events = (isAnew ? again : first).events.get(settled.roomNid) ?? []
    if (isAnew) return { standing, before: nothingUnread, events, upTo }
    return {
      standing,
      before: storedTallies(standing).tallies,
      events,
      upTo: Math.max(upTo, standing.countedUpTo ?? 0),
    }
  })
  const facts = [...first.events.values()].flat().map((event) => event.facts)
  return { rooms: found, facts, moments: first.moments }
}

/** Counts what was read of a room. */
export function counted({ standing, before, events, upTo }: Read): LoadedCounts {
  const { roomNid, reader } = standing
  return { roomNid, reader, tallies: countOn(before, events, reader), upTo, lookedAt: events.length }
}

function knownOf(rows: readonly EventRow[], recall: Recall): Map<number, EventFacts> {
  const known = new Map<number, EventFacts>()
  for (const { eventNid } of rows) {
    const facts = recall(eventNid)
    if (facts !== undefined) known.set(eventNid, facts)
  }
  return known
}

function isUnsettled(standing: Standing, events: readonly CountedEvent[]): boolean {
  const { countedUpTo } = standing
  if (countedUpTo === undefined) return false
  const { tallies, isKnown } = storedTallies(standing)
  return !isKnown || unsettle(events, { reader: standing.reader, tallies, upTo: countedUpTo })
}
