/** After a purge no table has anything left of what went, whatever tables there are. */
import assert from 'node:assert/strict'

import type { Database } from '#storage/transaction.ts'

import { eachEngine } from './databases.ts'
import { assertStatesExact } from './graph-invariants.ts'
import { someGraph, somePeople, someRooms, someTalk } from './migrations/everything.ts'
import { tableNames } from './migrations/frozen.ts'
import { openRoomsFloor, someone } from './rooms-floor.ts'
import { openTalkers } from './talkers.ts'

/** Numbers and names that stay: numbers are never given twice (docs/decisions/0012-purges.md). */
const stays: ReadonlySet<string> = new Set(['id_blocks', 'user_ids', 'state_keys'])

/** How many rows each table has, but for those that stay. */
async function counts(database: Database): Promise<Record<string, number>> {
  const tables = (await tableNames(database)).filter((name) => !stays.has(name))
  assert.ok(tables.length > 40)
  const found: Record<string, number> = {}
  await database.runInteraction('counts', async (txn) => {
    for (const table of tables) {
      const row = await txn.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`)
      found[table] = row?.n ?? 0
    }
  })
  return found
}

async function roomNids(database: Database): Promise<number[]> {
  const rows = await database.runInteraction('rooms', (txn) =>
    txn.all<{ nid: number }>('SELECT room_nid AS nid FROM rooms'),
  )
  return rows.map((row) => row.nid)
}

eachEngine('a room that is purged leaves no row in any table', async (t, database) => {
  const { people, alice, bob, carol } = await openTalkers(t, database)
  await somePeople(alice, bob)
  const before = await counts(database)
  await someTalk(alice, bob, carol)
  await someRooms(alice, bob, carol)
  await someGraph(database)
  const there = await counts(database)
  const used = Object.keys(there).filter((table) => there[table] !== before[table])
  assert.ok(used.length >= 15, `tables that rooms use: ${used.join(', ')}`)
  for (const room of (await people.knownRooms.byNids(await roomNids(database))).values()) await people.purge.room(room)
  assert.deepEqual(await counts(database), before)
})

eachEngine('history that is purged leaves no row that names an event of it', async (t, database) => {
  const { people, alice, bob, carol } = await openTalkers(t, database)
  await someTalk(alice, bob, carol)
  await someGraph(database)
  for (const room of (await people.knownRooms.byNids(await roomNids(database))).values())
    await people.purge.history(room, 1_000)
  const columns = await database.runInteraction('columns', (txn) =>
    txn.all<{ table: string; column: string }>(
      database.engine === 'sqlite'
        ? `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m JOIN pragma_table_info(m.name) c
           WHERE m.type = 'table' AND c.name IN ('event_nid', 'event_id')`
        : `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
           WHERE table_schema = current_schema() AND column_name IN ('event_nid', 'event_id')`,
    ),
  )
  assert.ok(columns.length >= 8)
  for (const { table, column } of columns) {
    // A change of the state says that a key had no event.
    const dangling = await database.runInteraction('dangling', (txn) =>
      txn.all(
        `SELECT t.${column} FROM ${table} t WHERE t.${column} IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM events e WHERE e.${column} = t.${column})`,
      ),
    )
    assert.deepEqual(dangling, [], `${table}.${column}`)
  }
  await assertStatesExact(database)
})

/** Pages that the file has. */
async function pages(database: Database): Promise<number> {
  const row = await database.runInteraction('pages', (txn) => txn.get<{ page_count: number }>('PRAGMA page_count'))
  return row?.page_count ?? 0
}

eachEngine(
  'what a purge frees is used again before the file grows',
  async (_t, database) => {
    const floor = await openRoomsFloor(database)
    const requester = someone('alice')
    const fill = async () => {
      const room = await floor.knownRooms.require(await floor.createRoom.create(requester, { preset: 'public_chat' }))
      const texts = Array.from({ length: 1_500 }, (_, at) => ({ body: `${at} ${'x'.repeat(300)}` }))
      await Promise.all(
        texts.map((content) => floor.sendEvent.send({ requester, room, type: 'm.room.message', content })),
      )
      return room
    }
    const first = await fill()
    await floor.purge.room(await fill())
    const before = await pages(database)
    for (let round = 0; round < 3; round += 1) await floor.purge.room(await fill())
    assert.ok((await pages(database)) <= before * 1.05, `${await pages(database)} pages after ${before}`)
    await floor.purge.history(first, 10_000)
    await fill()
    assert.ok((await pages(database)) <= before * 1.05)
  },
  { engines: ['sqlite'] },
)
