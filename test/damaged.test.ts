/** A database file that is not what was once written: refused with what to do, or told of when it is met. */
import assert from 'node:assert/strict'
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { type Logger, silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'

import { testDatabaseUrl } from './databases.ts'
import { openPeople } from './people.ts'
import { serverPlace, startServer } from './server-process.ts'
import { openTalkers } from './talkers.ts'

const v3 = '/_matrix/client/v3'
const pageBytes = 4096

function overwrite(file: string, { at, bytes }: { at: number; bytes: number }): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(bytes, 0xa5), 0, bytes, at)
  closeSync(descriptor)
}

const damages: Readonly<Record<string, (file: string) => void>> = {
  'whose beginning was overwritten': (file) => overwrite(file, { at: 0, bytes: 100 }),
  'whose middle was overwritten': (file) => overwrite(file, { at: 5 * pageBytes, bytes: 20 * pageBytes }),
  'whose end is missing': (file) => truncateSync(file, Math.floor(statSync(file).size / pageBytes / 2) * pageBytes),
  'that is something else': (file) => writeFileSync(file, 'my shopping list: '.repeat(1_000)),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a file ${what} is refused at the start, in words`, async (t) => {
    const place = await serverPlace(t, 'sqlite')
    const server = await startServer(place)
    assert.equal(await server.stop(), 0)
    damage(join(place.folder, 'homeserver.db'))
    await assert.rejects(startServer(place), (error: Error) => {
      assert.match(error.message, /ended with 1;/)
      assert.match(error.message, /Database: the file \S+homeserver\.db is damaged \(.+\)\. Restore a backup of it\./)
      assert.doesNotMatch(error.message.split('it printed:')[1] ?? '', /^ +at /m)
      return true
    })
  })
}

/** Where the leaves of a table are in a file. */
function leavesOf(file: string, table: string): number[] {
  const database = new DatabaseSync(file, { readOnly: true })
  const rows = database
    .prepare(`SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno`)
    .all(table) as { pageno: number }[]
  database.close()
  return rows.map((row) => row.pageno)
}

test('damage that is met while the server runs is told, and all else goes on', async (t) => {
  const url = await testDatabaseUrl(t, { engine: 'sqlite' })
  const file = url.slice('sqlite:'.length)
  const before = await openDatabase({ url, logger: silentLogger })
  const { alice } = await openTalkers(t, before)
  const damaged = await alice.createRoom({ preset: 'public_chat' })
  for (let at = 0; at < 60; at += 1) await alice.say(damaged, `${at} ${'x'.repeat(1_000)}`)
  const fine = await alice.createRoom({ preset: 'public_chat' })
  await before.close()
  const told: string[] = []
  const logger: Logger = { ...silentLogger, error: (_message, fields) => told.push(String(fields?.['error'])) }
  const database = await openDatabase({ url, logger: silentLogger })
  t.after(() => database.close())
  const { call } = await openPeople(t, database, { logger })
  const identifier = { type: 'm.id.user', user: 'alice' }
  const login = { type: 'm.login.password', identifier, password: 'correct horse' }
  const token: string = (await call('POST', `${v3}/login`, { body: login })).body.access_token
  const leaves = leavesOf(file, 'events').slice(2, -3)
  assert.ok(leaves.length > 3)
  for (const page of leaves) overwrite(file, { at: (page - 1) * pageBytes, bytes: pageBytes })
  for (let again = 0; again < 2; again += 1) {
    const { status, body } = await call('GET', `${v3}/rooms/${damaged}/messages?dir=b&limit=100`, { token })
    assert.deepEqual([status, body.errcode], [500, 'M_UNKNOWN'])
  }
  assert.equal(told.length, 2)
  for (const each of told) assert.match(each, /the file is damaged: stop the server and restore a backup/)
  assert.equal((await call('GET', `${v3}/rooms/${fine}/state`, { token })).status, 200)
})
