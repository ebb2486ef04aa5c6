import { edgesOfEvents } from '#storage/event-edges.ts'
import { insertEvents } from '#storage/events.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { indexEvents } from '#rooms/auth-chains/index-events.ts'
import { RoomAuth } from '#rooms/auth-chains/room-auth.ts'

import { aRow } from '../../test/event-rows.ts'
import { median } from '../kit/core-scenario.ts'
import { bytesOnDisk, type DatabaseScenario } from '../kit/database-place.ts'
import type { Figures } from '../kit/measure.ts'

const roomNid = 1
const powerKey = 1
const firstMemberKey = 2
/** Events stored together, and put into the index together. */
const storedAtOnce = 1_000
const indexedAtOnce = 64
const samples = 15

interface Line {
  readonly rows: Parameters<typeof insertEvents>[1]
  /** Power levels and one member, as two branches have them that parted after the last change. */
  readonly ends: readonly [readonly number[], readonly number[]]
}

/** A room in which power levels and the names of some members change by turns, and that forks in the end. */
function changesOf(count: number, members: number): Line {
  const rows: ReturnType<typeof stateRow>[] = []
  const latest = new Map<number, number>()
  const change = (keyNid: number): number => {
    const eventNid = rows.length + 1
    const authNids = [latest.get(keyNid) ?? [], latest.get(powerKey) ?? []].flat()
    rows.push(stateRow(eventNid, keyNid, [...new Set(authNids)]))
    return eventNid
  }
  for (let at = 0; at < count; at++) {
    const keyNid = at % 2 === 0 ? powerKey : firstMemberKey + (((at - 1) / 2) % members)
    latest.set(keyNid, change(keyNid))
  }
  const branch = (): number[] => {
    const power = latest.get(powerKey) ?? 0
    latest.set(powerKey, change(powerKey))
    const own = [change(powerKey), change(firstMemberKey)]
    latest.set(powerKey, power)
    return own
  }
  return { rows, ends: [branch(), branch()] }
}

function stateRow(eventNid: number, keyNid: number, authNids: readonly number[]) {
  return { ...aRow({ eventNid, keyNid, roomNid, eventId: `$${eventNid}` }), authNids }
}

/** What a server without an index does: a query for each step back, for both ends. */
async function differenceByWalk(txn: Transaction, ends: Line['ends']): Promise<number> {
  const known = new Map<number, readonly number[]>()
  let frontier = ends.flat()
  while (frontier.length > 0) {
    for (const { eventNid, authNids } of await edgesOfEvents(txn, frontier)) known.set(eventNid, authNids)
    frontier = [...new Set(frontier.flatMap((nid) => known.get(nid) ?? []))].filter((nid) => !known.has(nid))
  }
  const chains = ends.map((end) => {
    const chain = new Set(end)
    for (const nid of chain) for (const authNid of known.get(nid) ?? []) chain.add(authNid)
    return chain
  })
  const all = new Set(chains.flatMap((chain) => [...chain]))
  return [...all].filter((nid) => !chains.every((chain) => chain.has(nid))).length
}

async function differenceByIndex(txn: Transaction, ends: Line['ends']): Promise<number> {
  const auth = new RoomAuth(txn, roomNid)
  return (await auth.difference(await auth.covers(ends))).size
}

async function ms(
  database: Database,
  times: number,
  work: (txn: Transaction) => Promise<number>,
): Promise<{ ms: number; found: number }> {
  const taken: number[] = []
  let found = 0
  for (let at = 0; at < times; at++) {
    const before = performance.now()
    found = await database.runInteraction('difference', work, { readOnly: true, mayTakeLong: true })
    taken.push(performance.now() - before)
  }
  return { ms: median(taken), found }
}

/** With one member a walk has as many steps as there were changes; with many, it has shortcuts, and the index links. */
function graph(changes: number, members: number): DatabaseScenario {
  return {
    name: `graph-${changes}-${members}`,
    about: `auth difference of two ends after ${changes} changes of power and of ${members} members`,
    targets: { indexMs: { max: 10 }, walkToIndex: { min: 20 }, indexBytesAnEvent: { max: 12 } },
    run: async (place): Promise<Figures> => {
      const database = await place.open()
      const { rows, ends } = changesOf(changes, members)
      const keys = Array.from({ length: firstMemberKey + members }, (_, at) => at)
      await database.runInteraction('keys', (txn) =>
        txn.runMany(
          'INSERT INTO state_keys (key_nid, type, state_key) VALUES (?, ?, ?)',
          keys.map((key) => [key, 'm.room.member', `@${key}:a`]),
        ),
      )
      for (let at = 0; at < rows.length; at += storedAtOnce) {
        await database.runInteraction('store', (txn) => insertEvents(txn, rows.slice(at, at + storedAtOnce)))
      }
      const empty = await bytesOnDisk(database, ['auth_chains'])
      const begun = performance.now()
      for (let at = 0; at < rows.length; at += indexedAtOnce) {
        const some = rows.slice(at, at + indexedAtOnce).map((row) => row.eventNid)
        await database.runInteraction('index', (txn) => indexEvents(txn, roomNid, some))
      }
      const indexUsAnEvent = ((performance.now() - begun) * 1000) / rows.length
      const index = await ms(database, samples, (txn) => differenceByIndex(txn, ends))
      const walk = await ms(database, 1, (txn) => differenceByWalk(txn, ends))
      if (index.found !== walk.found) throw new Error(`${index.found} events by index, ${walk.found} by walk`)
      const indexBytesAnEvent = ((await bytesOnDisk(database, ['auth_chains'])) - empty) / rows.length
      await database.close()
      return { indexMs: index.ms, walkMs: walk.ms, walkToIndex: walk.ms / index.ms, indexBytesAnEvent, indexUsAnEvent }
    },
  }
}

export const graphScenarios: readonly DatabaseScenario[] = [
  graph(10_000, 1),
  graph(100_000, 1),
  graph(10_000, 200),
  graph(100_000, 200),
]
