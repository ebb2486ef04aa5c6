import assert from 'node:assert/strict'
import fc from 'fast-check'

import { isAuthOrdered } from '#storage/auth-chains.ts'
import { insertEvents } from '#storage/events.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

import { eachEngine } from '../../../test/databases.ts'
import { aRow } from '../../../test/event-rows.ts'
import { authChainFaults } from './faults.ts'
import { indexEvents, indexRoom } from './index-events.ts'
import { packStretch, unpackStretch, type ChainEntry } from './packed-stretch.ts'
import { RoomAuth } from './room-auth.ts'

/** The auth events and the key of each event of a room, by number. */
type Graph = ReadonlyMap<number, { readonly keyNid: number; readonly authNids: readonly number[] }>

const keys = 4
let nextRoom = 1
let nextNid = 1

const story = fc.record({
  // Each event: its key, how far back under that key it follows one, and which others it names.
  events: fc.array(
    fc.record({
      key: fc.nat({ max: keys - 1 }),
      back: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
      others: fc.array(fc.nat({ max: 12 }), { maxLength: 3 }),
    }),
    { minLength: 20, maxLength: 400 },
  ),
  /** How many events are put into the index together. */
  batch: fc.integer({ min: 1, max: 200 }),
  sets: fc.array(fc.array(fc.nat({ max: 250 }), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 3 }),
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

function graphOf({ events }: Story): Graph {
  const graph = new Map<number, { keyNid: number; authNids: number[] }>()
  const byKey = new Map<number, number[]>()
  const all: number[] = []
  for (const { key, back, others } of events) {
    const own = byKey.get(key) ?? []
    const authNids = [own.at(-1 - back) ?? [], ...others.map((far) => all.at(-1 - far) ?? [])].flat()
    const nid = nextNid++
    graph.set(nid, { keyNid: 1000 + key, authNids: [...new Set(authNids)] })
    byKey.set(key, [...own, nid])
    all.push(nid)
  }
  return graph
}

function chainOf(graph: Graph, start: Iterable<number>): Set<number> {
  const chain = new Set(start)
  for (const nid of chain) for (const authNid of graph.get(nid)?.authNids ?? []) chain.add(authNid)
  return chain
}

async function store(database: Database, roomNid: number, graph: Graph): Promise<void> {
  await database.runInteraction('store', async (txn) => {
    await insertRoom(txn, { roomNid, roomId: `!${roomNid}:a`, version: '12', createdTs: 0, published: false })
    for (let key = 0; key < keys; key++) {
      await txn.run(
        `INSERT INTO state_keys (key_nid, type, state_key) VALUES (?, 'm.room.member', ?) ON CONFLICT DO NOTHING`,
        1000 + key,
        `@${key}:a`,
      )
    }
    const rows = [...graph].map(([eventNid, edges]) => ({
      ...aRow({ eventNid, roomNid, eventId: `$auth${eventNid}`, streamPosition: eventNid }),
      ...edges,
    }))
    await insertEvents(txn, rows)
  })
}

async function assertAnswers(txn: Transaction, roomNid: number, graph: Graph, told: Story): Promise<void> {
  const nids = [...graph.keys()]
  const starts = told.sets.map((set) => set.map((at) => nids[at % nids.length] ?? 0))
  const auth = new RoomAuth(txn, roomNid)
  const covers = await auth.covers(starts)
  const chains = starts.map((start) => chainOf(graph, start))
  for (const [index, cover] of covers.entries()) {
    assert.equal(cover.complete, true)
    assert.deepEqual(sorted(await auth.events(cover)), sorted(chains[index] ?? []))
    assert.deepEqual(sorted(await auth.within(cover, nids)), sorted(chains[index] ?? []))
  }
  const some = new Set(chains.flatMap((chain) => [...chain]))
  const difference = [...some].filter((nid) => !chains.every((chain) => chain.has(nid)))
  assert.deepEqual(sorted(await auth.difference(covers)), sorted(difference))
  const conflicted = new Set(starts.flat())
  const between = [...some].filter((nid) => [...chainOf(graph, [nid])].some((below) => conflicted.has(below)))
  assert.deepEqual(sorted(await auth.subgraph(conflicted, covers)), sorted(between))
}

function sorted(nids: Iterable<number>): number[] {
  return [...nids].sort((a, b) => a - b)
}

eachEngine('the index answers what a walk over the auth graph does', async (t, database) => {
  const property = fc.asyncProperty(story, async (told) => {
    const roomNid = nextRoom++
    const graph = graphOf(told)
    await store(database, roomNid, graph)
    const nids = [...graph.keys()]
    for (let at = 0; at < nids.length; at += told.batch) {
      const some = nids.slice(at, at + told.batch)
      await database.runInteraction('index', (txn) => indexEvents(txn, roomNid, some))
    }
    await database.runInteraction('check', async (txn) => {
      await assertAnswers(txn, roomNid, graph, told)
      assert.deepEqual(await authChainFaults(txn, roomNid), [])
    })
  })
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  await fc.assert(property, { numRuns: database.engine === 'sqlite' ? 60 : 4, seed })
})

/** A line of events of one key, each on the one before it, and every tenth on one of another line. */
function twoLines(length: number): Graph {
  const graph = new Map<number, { keyNid: number; authNids: number[] }>()
  let [first, second] = [0, 0]
  for (let at = 0; at < length; at++) {
    const isSecond = at % 10 === 9
    const nid = nextNid++
    const before = isSecond ? [second, first] : [first, ...(at % 10 === 0 ? [second] : [])]
    graph.set(nid, { keyNid: isSecond ? 1001 : 1000, authNids: before.filter((each) => each > 0) })
    if (isSecond) second = nid
    else first = nid
  }
  return graph
}

eachEngine('a room that nobody has indexed is indexed by the first question', async (_t, database) => {
  const roomNid = nextRoom++
  const graph = twoLines(2_000)
  await store(database, roomNid, graph)
  const nids = [...graph.keys()]
  const told = { events: [], batch: 1, sets: [[1_999], [1_998], [3]] }
  await database.runInteraction('ask', (txn) => assertAnswers(txn, roomNid, graph, told))
  await database.runInteraction('check', async (txn) => {
    assert.deepEqual(await authChainFaults(txn, roomNid), [])
    const rows = await txn.all<{ bytes: number }>(
      'SELECT OCTET_LENGTH(entries) AS bytes FROM auth_chains WHERE room_nid = ?',
      roomNid,
    )
    assert.ok(rows.length > 0)
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
    assert.ok(bytes / nids.length < 3, `${bytes / nids.length} bytes an event`)
    assert.equal(await isAuthOrdered(txn, roomNid), true)
  })
})

eachEngine('what the index says wrongly, the check finds', async (_t, database) => {
  const roomNid = nextRoom++
  const graph = twoLines(60)
  await store(database, roomNid, graph)
  await database.runInteraction('index', (txn) => indexRoom(txn, roomNid))
  const change = (of: (entries: ChainEntry[]) => ChainEntry[]): Promise<string[]> =>
    database
      .runInteraction('spoil', async (txn) => {
        const [row] = await txn.all<{ firstNid: number; entries: Uint8Array }>(
          'SELECT first_nid AS "firstNid", entries FROM auth_chains WHERE room_nid = ? AND key_nid = 1000',
          roomNid,
        )
        assert.ok(row)
        const entries = packStretch(row.firstNid, of(unpackStretch(row.firstNid, row.entries)))
        await txn.run('UPDATE auth_chains SET entries = ? WHERE first_nid = ?', entries, row.firstNid)
        const faults = await authChainFaults(txn, roomNid)
        throw Object.assign(new Error('taken back'), { faults })
      })
      .catch((error: unknown) => (error as { faults: string[] }).faults)
  assert.deepEqual(await change((entries) => entries), [])
  assert.match((await change((entries) => entries.toSpliced(20, 1)))[0] ?? '', /has no place 21/)
  const without = (entry: ChainEntry): ChainEntry => ({ ...entry, links: [] })
  assert.match((await change((entries) => entries.map(without)))[0] ?? '', /does not lead to/)
  const strange = (entry: ChainEntry, at: number): ChainEntry => (at === 5 ? { ...entry, links: [entry.chain] } : entry)
  assert.match((await change((entries) => entries.map(strange)))[0] ?? '', /without naming it/)
})
