import type { EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { EventFacts, Moment } from './event-facts.ts'
import { readFacts, readHidden, type FactsBasis } from './read-facts.ts'
import { withNames, type Standing } from './standings.ts'
import type { CountedEvent } from './tallies.ts'

/** Events of rooms, ready to be counted for readers. */
export interface Countable {
  /** By room, in the order of arrival. */
  readonly events: ReadonlyMap<number, readonly CountedEvent[]>
  readonly standings: readonly Standing[]
  /** What each room was like at the newest of those events that were not known. */
  readonly moments: ReadonlyMap<number, Moment>
}

export interface CountingBasis extends FactsBasis {
  /** Facts of some of the events that were read before. */
  readonly known?: ReadonlyMap<number, EventFacts>
  /** Read what everybody is called, also where it does not matter yet. */
  readonly everyName?: boolean
}

/** Puts rows, in the order of arrival, and facts together, by room. */
export function countedEvents(
  rows: readonly EventRow[],
  facts: ReadonlyMap<number, EventFacts>,
): Map<number, CountedEvent[]> {
  const events = new Map<number, CountedEvent[]>()
  for (const row of rows) {
    const found = facts.get(row.eventNid)
    if (found === undefined) continue
    const event = { facts: found, isRedacted: row.redactedBy !== null }
    const list = events.get(row.roomNid)
    if (list === undefined) events.set(row.roomNid, [event])
    else list.push(event)
  }
  return events
}

/**
 * Reads what has to be known of rows, in the order of arrival, and of those who read them: what they are called where
 * names are looked for, what they may not see where that has to be asked.
 */
export async function readCountable(
  txn: Transaction,
  rows: readonly EventRow[],
  standings: readonly Standing[],
  basis: CountingBasis,
): Promise<Countable> {
  const unknown = basis.known === undefined ? rows : rows.filter((row) => basis.known?.has(row.eventNid) !== true)
  const read = await readFacts(txn, unknown, basis)
  const events = countedEvents(rows, new Map([...(basis.known ?? []), ...read.facts]))
  return {
    events,
    standings: await readReaders(txn, events, standings, basis.everyName === true),
    moments: read.moments,
  }
}

async function readReaders(
  txn: Transaction,
  events: ReadonlyMap<number, readonly CountedEvent[]>,
  standings: readonly Standing[],
  everyName: boolean,
): Promise<readonly Standing[]> {
  const searched = new Set<number>(everyName ? standings.map((standing) => standing.roomNid) : [])
  const asked = new Set<number>()
  for (const [roomNid, list] of events) {
    if (list.some(({ facts }) => facts.isSearched)) searched.add(roomNid)
    if (list.some(({ facts }) => facts.isRestricted)) asked.add(roomNid)
  }
  const unnamed = standings.filter((standing) => !searched.has(standing.roomNid))
  const named =
    searched.size === 0
      ? []
      : await withNames(
          txn,
          standings.filter(({ roomNid }) => searched.has(roomNid)),
        )
  const all = [...unnamed, ...named]
  if (asked.size === 0) return all
  const facts = [...asked].flatMap((roomNid) => (events.get(roomNid) ?? []).map((event) => event.facts))
  const userIds = [...new Set(all.filter(({ roomNid }) => asked.has(roomNid)).map(({ reader }) => reader.userId))]
  const hidden = await readHidden(txn, facts, userIds)
  return all.map((standing) => {
    const unseen = hidden.get(standing.reader.userId)
    return unseen === undefined ? standing : { ...standing, reader: { ...standing.reader, hidden: unseen } }
  })
}
