/** A disk that is full: who writes is told, nothing is half-written, and all goes on when there is space again. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { type Logger, silentLogger } from '#observability/logger.ts'
import { RoomState } from '#rooms/room-state.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import type { Database } from '#storage/transaction.ts'

import { type Engine, engines, testDatabaseUrl } from '../databases.ts'
import { assertStatesExact } from '../graph-invariants.ts'
import { postgresMissing } from '../postgres.ts'
import { openTalkers, type Person } from '../talkers.ts'

const v3 = '/_matrix/client/v3'
/** As large as a text may be, nearly: a few fill what is left. */
const longText = 'x'.repeat(30_000)
const sendsMax = 2_000

/** A database whose disk a test fills and empties. */
interface Disk {
  readonly database: Database
  /** What the operator was told. */
  readonly told: string[]
  fill(): Promise<void>
  empty(): Promise<void>
}

async function open(t: TestContext, url: string): Promise<Pick<Disk, 'database' | 'told'>> {
  const told: string[] = []
  const logger: Logger = { ...silentLogger, error: (message) => told.push(message) }
  const database = await openDatabase({ url, logger })
  await migrate(database)
  t.after(() => database.close())
  return { database, told }
}

/** The file may not grow any more. */
async function sqliteDisk(t: TestContext): Promise<Disk> {
  const opened = await open(t, await testDatabaseUrl(t, { engine: 'sqlite', migrated: false }))
  const limit = async (pragma: string): Promise<void> => {
    await opened.database.runInteraction('limit', (txn) => txn.get(pragma))
  }
  return {
    ...opened,
    fill: () => limit('PRAGMA max_page_count = 1'),
    empty: () => limit('PRAGMA max_page_count = 4294967294'),
  }
}

/** Every row that comes to the events says what PostgreSQL says when it cannot extend a file. */
async function postgresDisk(t: TestContext): Promise<Disk> {
  const opened = await open(t, await testDatabaseUrl(t, { engine: 'postgres', migrated: false }))
  const run = async (sql: string): Promise<void> => {
    await opened.database.runInteraction('limit', (txn) => txn.run(sql))
  }
  await run(`CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
  return {
    ...opened,
    fill: () => run('CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION no_space()'),
    empty: () => run('DROP TRIGGER full_disk ON events'),
  }
}

/** A real file system of a few megabytes; undefined where none may be mounted. */
async function smallDisk(t: TestContext): Promise<Disk | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-small-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder]).status === 0
  const opened: { database?: Database } = {}
  t.after(async () => {
    await opened.database?.close()
    if (mounted) spawnSync('umount', [folder])
    await rm(folder, { recursive: true, force: true })
  })
  if (!mounted) return undefined
  const told: string[] = []
  const logger: Logger = { ...silentLogger, error: (message) => told.push(message) }
  const database = (opened.database = await openDatabase({ url: `sqlite:${join(folder, 'small.db')}`, logger }))
  await migrate(database)
  const ballast = join(folder, 'ballast')
  await writeFile(ballast, Buffer.alloc(2 * 1024 * 1024))
  return { database, told, fill: () => Promise.resolve(), empty: () => rm(ballast) }
}

function send(person: Person, roomId: string, txnId: string): Promise<{ status: number; body: { errcode?: string } }> {
  return person.call('PUT', `${v3}/rooms/${roomId}/send/m.room.message/${txnId}`, {
    msgtype: 'm.text',
    body: `${txnId} ${longText}`,
  })
}

async function textsOf(person: Person, roomId: string): Promise<string[]> {
  const texts: string[] = []
  let from = ''
  for (;;) {
    const { chunk, end } = await person.ok('GET', `${v3}/rooms/${roomId}/messages?dir=f&limit=100${from}`)
    for (const event of chunk) if (event.type === 'm.room.message') texts.push(event.content.body.split(' ')[0])
    if (end === undefined) return texts
    from = `&from=${end}`
  }
}

async function fillAndEmpty(t: TestContext, disk: Disk): Promise<void> {
  const { database, told } = disk
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat', topic: 'before' })
  await bob.ok('POST', `${v3}/join/${roomId}`)
  await disk.fill()
  const answered: string[] = []
  const refused: string[] = []
  for (let at = 0; refused.length < 8 && at < sendsMax; at += 4) {
    const txnIds = [at, at + 1, at + 2, at + 3].map((each) => `t${each}`)
    const answers = await Promise.all(txnIds.map((txnId, index) => send(index % 2 === 0 ? alice : bob, roomId, txnId)))
    for (const [index, { status, body }] of answers.entries()) {
      if (status === 200) answered.push(txnIds[index] ?? '')
      else {
        assert.deepEqual([status, body.errcode], [507, 'M_UNKNOWN'], JSON.stringify(body))
        refused.push(txnIds[index] ?? '')
      }
    }
  }
  assert.ok(refused.length >= 8, 'the disk was filled')
  assert.deepEqual(told, [
    'The disk of the database is full, and nothing can be written. Make room: nothing has to be started again',
  ])
  assert.deepEqual(
    (await textsOf(bob, roomId)).sort(),
    [...answered].sort(),
    'reading goes on, and shows what was answered',
  )
  const topic = await bob.ok('GET', `${v3}/rooms/${roomId}/state/m.room.topic/`)
  assert.equal(topic.topic, 'before')
  await disk.empty()
  for (const [index, txnId] of refused.entries()) {
    const person = Number(txnId.slice(1)) % 2 === 0 ? alice : bob
    assert.equal((await send(person, roomId, txnId)).status, 200, `${index}: sent again`)
  }
  await alice.state(roomId, 'm.room.topic', { topic: 'after' })
  assert.deepEqual((await textsOf(bob, roomId)).sort(), [...answered, ...refused].sort())
  for await (const { faults } of RoomState.faults(database)) assert.deepEqual(faults, [])
  await assertStatesExact(database)
}

const disks: Readonly<Record<Engine, (t: TestContext) => Promise<Disk>>> = {
  sqlite: sqliteDisk,
  postgres: postgresDisk,
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`a full disk loses nothing, and once it has space all goes on (${engine})`, { skip }, async (t) =>
    fillAndEmpty(t, await disks[engine](t)),
  )
}

test('a file system that is full loses nothing, and once it has space all goes on (sqlite)', async (t) => {
  const disk = await smallDisk(t)
  if (disk === undefined) t.skip('no file system may be mounted here')
  else await fillAndEmpty(t, disk)
})
