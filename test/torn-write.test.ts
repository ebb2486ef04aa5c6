/**
 * `kill -9` at the steps of whatever writes: afterwards nothing is half-written, what was called done is there, and the
 * work can go on. Steps are chosen at random, by a seed that is printed; TESSERA_TEST_SEED repeats one, and
 * TESSERA_TEST_KILLS says how many of each kind, 3 unless told otherwise.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { silentLogger } from '#observability/logger.ts'
import { systemClock } from '#base/clock.ts'
import type { RoomId } from '#protocol/identifiers.ts'
import { RoomState } from '#rooms/room-state.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import { migrations } from '#storage/migrations.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'

import { engines, testDatabaseUrl } from './databases.ts'
import { assertStatesExact, rowsOfRoom } from './graph-invariants.ts'
import type { Task } from './mortal-process.ts'
import { postgresMissing } from './postgres.ts'
import { openRoomsFloor, someone } from './rooms-floor.ts'
import { forkedGraph, graphRoomNid, keptWords, purgeDepth, receiveGraph, wordMigrations } from './torn-work.ts'

const program = fileURLToPath(new URL('mortal-process.ts', import.meta.url))
const seed = Number(process.env['TESSERA_TEST_SEED'] ?? randomInt(2 ** 31))
const kills = Number(process.env['TESSERA_TEST_KILLS'] ?? 3)
const alice = someone('alice')
const words = 30

/** Numbers from 0 up to `below`, the same for the same seed: mulberry32. */
function seeded(from: number): (below: number) => number {
  let state = from
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

async function withDatabase<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase({ url, logger: silentLogger })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

/** Lets the process do its work until it dies or ends; gives what it called done. */
async function workAndDie(task: Task): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, [program, JSON.stringify(task)])
  const { stdout } = await run.catch((error: { signal?: string; stdout: string; stderr: string }) => {
    assert.equal(error.signal, 'SIGKILL', error.stderr)
    return error
  })
  return stdout.split('\n').filter((line) => line !== '')
}

async function assertWhole(database: Database): Promise<void> {
  for await (const { roomId, faults } of RoomState.faults(database)) assert.deepEqual(faults, [], roomId)
  await assertStatesExact(database)
}

async function eventIds(database: Database): Promise<string[]> {
  const rows = await database.runInteraction('ids', (txn) =>
    txn.all<{ id: string; waiting: number }>(`SELECT event_id AS id FROM events`),
  )
  return rows.map((row) => row.id)
}

/** A room with forty events, every third of which changes its state; gives its id. */
async function busyRoom(database: Database): Promise<string> {
  const floor = await openRoomsFloor(database)
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  for (let at = 0; at < 40; at += 1) {
    const what = at % 3 === 0 ? { type: `org.example.${at % 9}`, stateKey: '' } : { type: 'm.room.message' }
    await floor.sendEvent.send({ requester: alice, room, ...what, content: { at } })
  }
  return room.roomId
}

/** What is done before the process, and what has to hold after it. */
interface Scene {
  readonly prepare: (database: Database) => Promise<string>
  readonly check: (database: Database, roomId: string, done: readonly string[]) => Promise<void>
}

async function removeRoom(database: Database, roomId: string): Promise<void> {
  const floor = await openRoomsFloor(database)
  const room = await floor.knownRooms.byId(roomId as RoomId)
  if (room === undefined) return
  await floor.purge.room(room)
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
}

const scenes: Readonly<Record<Task['work'], Scene>> = {
  send: {
    prepare: busyRoom,
    check: async (database, roomId, done) => {
      await assertWhole(database)
      const there = new Set(await eventIds(database))
      assert.deepEqual(
        done.filter((id) => !there.has(id)),
        [],
        'what was answered is there',
      )
      const { sendEvent, knownRooms } = await openRoomsFloor(database)
      const room = await knownRooms.require(roomId as RoomId)
      const again = { requester: alice, room, type: 'm.room.message', content: { at: 0 }, txnId: 't0' }
      const eventId = await sendEvent.send(again)
      if (done.length > 0) assert.equal(eventId, done[0], 'sent again it is the same event')
      await assertWhole(database)
      await removeRoom(database, roomId)
    },
  },
  receive: {
    prepare: async (database) => {
      const [create] = forkedGraph().events.values()
      const roomId = create?.roomId ?? ''
      const row = { roomNid: graphRoomNid, roomId, version: '11', createdTs: 1, published: false }
      await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
      const floor = await openRoomsFloor(database)
      for await (const eventId of receiveGraph(floor, forkedGraph())) {
        assert.ok(eventId)
        break
      }
      return roomId
    },
    check: async (database, roomId, done) => {
      await assertWhole(database)
      const there = new Set(await eventIds(database))
      assert.deepEqual(
        done.filter((id) => !there.has(id)),
        [],
        'what was taken in is there',
      )
      const floor = await openRoomsFloor(database)
      const graph = forkedGraph()
      for await (const eventId of receiveGraph(floor, graph)) assert.ok(graph.events.has(eventId as never))
      await assertWhole(database)
      const room = await floor.knownRooms.require(roomId as RoomId)
      const topic = await floor.roomState.event(room, 'm.room.topic', '')
      assert.equal(topic?.eventId, `$${graph.nameIn(graph.stateBefore('second'), 'm.room.topic')}:a`)
      const aside = await database.runInteraction('aside', (txn) =>
        txn.all(`SELECT event_id FROM events WHERE room_nid = ? AND outlier = 1`, graphRoomNid),
      )
      assert.deepEqual(aside, [], 'nothing waits any more')
      await removeRoom(database, roomId)
    },
  },
  'purge history': {
    prepare: busyRoom,
    check: async (database, roomId, done) => {
      const floor = await openRoomsFloor(database)
      await floor.purge.resume()
      await assertWhole(database)
      const room = await floor.knownRooms.require(roomId as RoomId)
      if (done.length > 0) assert.ok((await lowestDepth(database, room.roomNid)) >= purgeDepth)
      await floor.sendEvent.send({ requester: alice, room, type: 'm.room.topic', stateKey: '', content: {} })
      await assertWhole(database)
      await removeRoom(database, roomId)
    },
  },
  'purge room': {
    prepare: busyRoom,
    check: async (database, roomId) => {
      const floor = await openRoomsFloor(database)
      await floor.purge.resume()
      await assertWhole(database)
      await removeRoom(database, roomId)
      assert.equal(await floor.knownRooms.byId(roomId as RoomId), undefined)
    },
  },
  migrate: {
    prepare: async (database) => {
      await database.runInteraction('words', async (txn) => {
        await txn.run(`DELETE FROM kept`)
        await txn.run(`UPDATE background_migrations SET done_ts = NULL, progress = NULL WHERE name = ?`, keptWords.name)
        await txn.run(`DELETE FROM words`)
        const rows = Array.from({ length: words }, (_, index) => [index + 1, 'word'])
        await txn.runMany(`INSERT INTO words (id, word) VALUES (?, ?)`, rows)
      })
      return ''
    },
    check: async (database) => {
      const background = await BackgroundMigrations.open({ database, clock: systemClock, logger: silentLogger })
      await background.run([keptWords])
      const kept = await database.runInteraction('kept', (txn) => txn.all(`SELECT id FROM kept`))
      assert.equal(kept.length, words)
    },
  },
}

async function lowestDepth(database: Database, roomNid: number): Promise<number> {
  const row = await database.runInteraction('depth', (txn) =>
    txn.get<{ lowest: number }>(
      `SELECT MIN(topological) AS lowest FROM events WHERE room_nid = ? AND outlier = 0`,
      roomNid,
    ),
  )
  return row?.lowest ?? 0
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  for (const [work, { prepare, check }] of Object.entries(scenes) as [Task['work'], Scene][]) {
    test(`kill -9 at any step leaves nothing torn: ${work} (${engine})`, { skip }, async (t) => {
      t.diagnostic(`seed ${seed}`)
      const random = seeded(seed)
      const url = await testDatabaseUrl(t, { engine })
      // The table of words is there before the migration that sees to it.
      await withDatabase(url, async (database) => {
        await migrate(database, { migrations: [...migrations, wordMigrations[0]] })
        await migrate(database, { migrations: [...migrations, ...wordMigrations] })
      })
      let steps = 0
      for (let kill = 0; kill <= kills; kill += 1) {
        const roomId = await withDatabase(url, prepare)
        const at = steps === 0 ? 0 : 1 + random(steps)
        const printed = await workAndDie({ url, work, roomId, at })
        const total = printed.find((line) => line.startsWith('steps '))
        if (kill === 0) steps = Number(total?.slice('steps '.length))
        const done = printed.filter((line) => line !== total)
        await withDatabase(url, (database) => check(database, roomId, done)).catch((error: unknown) => {
          throw new Error(`after a kill before step ${at} of ${steps}, seed ${seed}`, { cause: error })
        })
      }
      assert.ok(steps > 5, `${work} has ${steps} steps`)
    })
  }
}
