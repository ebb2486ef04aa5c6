import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'

import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { parseUserId } from '#protocol/identifiers.ts'
import { RoomState } from '#rooms/room-state.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { migrate } from '#storage/migrate.ts'
import { migrationChecksum, migrations } from '#storage/migrations.ts'
import type { Database } from '#storage/transaction.ts'

import { backgroundSteps } from '../../src/app/floors/background-migrations.ts'
import { eachEngine } from '../databases.ts'
import { assertStatesExact } from '../graph-invariants.ts'
import { openPeople } from '../people.ts'
import { openRoomsFloor } from '../rooms-floor.ts'
import { frozenDatabases, thaw, type Frozen } from './frozen.ts'

/** Where the purge stands that each frozen database has begun. */
const purgedBelow = 12

const requester = { userId: parseUserId('@alice:example.org'), deviceId: 'NEW', isAdmin: false, isGuest: false }

/** A database as the program with the first `count` migrations would have left it. */
async function databaseOf(database: Database, frozen: Frozen, count: number): Promise<void> {
  const ofFrozen = migrations.filter(({ name }) => name.slice(0, 4) <= frozen.version).length
  await migrate(database, { migrations: migrations.slice(0, Math.min(count, ofFrozen)) })
  await thaw(database, frozen)
  await migrate(database, { migrations: migrations.slice(0, count) })
}

async function runBackground(database: Database): Promise<void> {
  const background = await BackgroundMigrations.open({ database, clock: systemClock, logger: silentLogger })
  await background.run(backgroundSteps)
  assert.deepEqual(background.unfinished(), [])
}

async function assertNoFaults(database: Database): Promise<void> {
  for await (const { roomId, faults } of RoomState.faults(database)) assert.deepEqual(faults, [], roomId)
  await assertStatesExact(database)
}

/** Reads and writes the rooms that alice is in; gives how many. */
async function useRooms(database: Database): Promise<number> {
  const floor = await openRoomsFloor(database)
  await floor.purge.resume()
  const joined = [...(await floor.memberships.of(requester.userId)).values()].filter((row) => row.membership === 'join')
  for (const { roomNid } of joined) {
    const room = (await floor.knownRooms.byNids([roomNid])).get(roomNid)
    assert.ok(room)
    const topic = { requester, room, type: 'm.room.topic', stateKey: '', content: { topic: 'new times' } }
    await floor.sendEvent.send(topic)
    assert.ok((await floor.roomState.current(room)).size > 5)
  }
  const { rows } = await database.runInteraction('purged', async (txn) => ({
    rows: await txn.all<{ lowest: number }>(
      `SELECT MIN(e.topological) AS lowest FROM rooms r JOIN events e ON e.room_nid = r.room_nid
       WHERE r.room_nid = 5 AND e.outlier = 0`,
    ),
  }))
  assert.deepEqual(rows, [{ lowest: purgedBelow }], 'a purge that was begun has ended')
  return joined.length
}

/** Logs in and looks at what there was, at the doors. */
async function useDoors(t: TestContext, database: Database): Promise<void> {
  const { call } = await openPeople(t, database)
  const ok = async (method: string, path: string, token?: string, body?: object) => {
    const answer = await call(method, `/_matrix/client/v3${path}`, {
      ...(token === undefined ? {} : { token }),
      ...(body === undefined ? {} : { body }),
    })
    assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const identifier = { type: 'm.id.user', user: 'alice' }
  const login = { type: 'm.login.password', identifier, password: 'correct horse' }
  const { access_token: token } = await ok('POST', '/login', undefined, login)
  const { room_id: roomId } = await ok('GET', '/directory/room/%23talk:example.org')
  const { chunk } = await ok('GET', `/rooms/${roomId}/messages?dir=f&limit=100`, token)
  const first = chunk.find((event: { content: { body?: string } }) => event.content.body === 'first')
  assert.equal(first.unsigned['m.relations']['m.thread'].count, 1)
  assert.equal(
    (await ok('GET', `/rooms/${roomId}/joined_members`, token)).joined['@bob:example.org'] !== undefined,
    true,
  )
  assert.equal((await ok('GET', '/room_keys/version', token)).version, '1')
  assert.equal((await ok('GET', `/profile/@alice:example.org`)).displayname, 'Alice')
  await ok('PUT', `/rooms/${roomId}/send/m.room.message/t1`, token, { msgtype: 'm.text', body: 'still here' })
}

for (const frozen of frozenDatabases()) {
  for (const [index, { name }] of migrations.entries()) {
    const count = index + 1
    const what = `a database of ${frozen.version} that has come as far as ${name}`
    eachEngine(
      `${what} is brought to this version`,
      async (t, database) => {
        await databaseOf(database, frozen, count)
        await migrate(database)
        await runBackground(database)
        await assertNoFaults(database)
        assert.equal(await useRooms(database), 4)
        await assertNoFaults(database)
        if (name.slice(0, 4) >= frozen.version) await useDoors(t, database)
      },
      { migrated: false },
    )
  }

  eachEngine(
    `a database of ${frozen.version} can be used while the background has not begun`,
    async (t, database) => {
      await databaseOf(database, frozen, migrations.length)
      assert.equal(await useRooms(database), 4)
      await useDoors(t, database)
      await runBackground(database)
      await assertNoFaults(database)
    },
    { migrated: false },
  )
}

test('no migration that was released has changed', () => {
  const lines = readFileSync(new URL('released.tsv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  const now = new Map(migrations.map((migration) => [migration.name, migrationChecksum(migration)]))
  for (const [name = '', checksum] of lines.map((line) => line.split('\t'))) assert.equal(now.get(name), checksum, name)
})
