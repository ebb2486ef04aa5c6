import { insertMissing } from '#storage/event-edges.ts'
import {
  eventsAtGaps,
  keptEvents,
  oldEventsByNids,
  setPreviousOf,
  type KeptEvent,
  type OldEvent,
} from '#storage/purge.ts'
import { stateNodesWithAncestors } from '#storage/room-state.ts'
import { mergedState } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'
import { RoomAuth } from '../auth-chains/room-auth.ts'
import { readState } from '../room-state/read-state.ts'

/** Events that one look at the database takes in. */
const eventsAtOnce = 500

/** What has to stay of a room after a purge of its history. */
export interface Kept {
  /** States that a kept event stands on, with all their ancestors. */
  readonly states: Set<number>
  /** Events that such a state names where history begins now, and all that authorizes events that stay. */
  readonly events: Set<number>
}

interface Search {
  readonly roomNid: number
  readonly beforeDepth: number
  /** The ends of the room, which stay whatever their depth. */
  readonly ends: ReadonlySet<number>
}

/**
 * Walks the events that stay, some at a time, marks what they need, and lets those whose previous events go stand at a
 * gap. May be done again after it was interrupted.
 */
export async function findKept(database: Database, search: Search): Promise<Kept> {
  const { roomNid, beforeDepth, ends } = search
  const kept: Kept = { states: new Set(), events: new Set() }
  /** States where history begins: all that they name stays. */
  const borders = new Set<number>()
  const read = <T>(fn: Parameters<typeof database.runInteraction<T>>[1]): Promise<T> =>
    database.runInteraction('purge_look', fn, { readOnly: true })
  const merged = await read((txn) => mergedState(txn, roomNid))
  if (merged !== null) await markStates(database, [merged], kept)
  for (const { stateBefore } of await read((txn) => eventsAtGaps(txn, roomNid, beforeDepth))) borders.add(stateBefore)
  const oldEnds = (await read((txn) => oldEventsByNids(txn, [...ends]))).filter((end) => end.topological < beforeDepth)
  for (const { eventNid, stateBefore, stateAfter } of oldEnds) {
    if (stateBefore !== null) borders.add(stateBefore)
    if (stateAfter !== null) await markStates(database, [stateAfter], kept)
    kept.events.add(eventNid)
  }
  let from = { topological: beforeDepth, eventNid: 0 }
  for (;;) {
    const page = await read((txn) => keptEvents(txn, { roomNid, from, limit: eventsAtOnce }))
    const last = page.at(-1)
    if (last === undefined) break
    from = { topological: last.topological, eventNid: last.eventNid }
    await markStates(
      database,
      page.flatMap((event) => [event.stateBefore ?? [], event.stateAfter ?? []].flat()),
      kept,
    )
    for (const event of page) for (const authNid of event.authNids) kept.events.add(authNid)
    for (const stateNid of await openGaps(database, search, page)) borders.add(stateNid)
  }
  for (const stateNid of borders) {
    await markStates(database, [stateNid], kept)
    for (const eventNid of (await read((txn) => readState(txn, stateNid))).values()) kept.events.add(eventNid)
  }
  await addAuthChains(database, roomNid, kept.events)
  return kept
}

async function markStates(database: Database, stateNids: readonly number[], kept: Kept): Promise<void> {
  const unmarked = [...new Set(stateNids)].filter((stateNid) => !kept.states.has(stateNid))
  if (unmarked.length === 0) return
  const nodes = await database.runInteraction('purge_look', (txn) => stateNodesWithAncestors(txn, unmarked), {
    readOnly: true,
  })
  for (const node of nodes) kept.states.add(node.stateNid)
}

/** Events whose previous ones go stand at a gap from now on. Gives the states before them. */
async function openGaps(database: Database, search: Search, page: readonly KeptEvent[]): Promise<number[]> {
  const inPage = new Set(page.map((event) => event.eventNid))
  const outside = page.flatMap((event) => event.prevNids).filter((nid) => !inPage.has(nid))
  const rows = await database.runInteraction('purge_look', (txn) => oldEventsByNids(txn, outside), { readOnly: true })
  const goes = new Map<number, OldEvent>()
  for (const row of rows) {
    if (row.topological < search.beforeDepth && !search.ends.has(row.eventNid)) goes.set(row.eventNid, row)
  }
  const atGap = page.filter((event) => event.prevNids.some((nid) => goes.has(nid)))
  if (atGap.length === 0) return []
  const missing = atGap.flatMap(({ eventNid, prevNids }) =>
    prevNids.flatMap((nid) => ({ missingEventId: goes.get(nid)?.eventId ?? '', eventNid })),
  )
  await database.runInteraction('purge_gaps', async (txn) => {
    await insertMissing(
      txn,
      search.roomNid,
      missing.filter((each) => each.missingEventId !== ''),
    )
    const left = atGap.map(({ eventNid, prevNids }) => ({
      eventNid,
      prevNids: prevNids.filter((nid) => !goes.has(nid)),
    }))
    await setPreviousOf(txn, left)
  })
  return atGap.flatMap((event) => event.stateBefore ?? [])
}

/** Adds to events all that authorizes them. Writes the index of a room that lacks it. */
async function addAuthChains(database: Database, roomNid: number, events: Set<number>): Promise<void> {
  const chains = await database.runInteraction('purge_auth_chains', async (txn) => {
    const auth = new RoomAuth(txn, roomNid)
    const [cover] = await auth.covers([events])
    return cover === undefined ? [] : auth.events(cover)
  })
  for (const eventNid of chains) events.add(eventNid)
}
