/** Clocks that jump: that of the machine, forward and back at every look, and that of the database, which nothing asks. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import pg from 'pg'

import { systemClock, type Clock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import type { Database } from '#storage/transaction.ts'

import { engines, testDatabaseUrl } from '../databases.ts'
import { openPeople } from '../people.ts'
import { postgresMissing } from '../postgres.ts'

const yearMs = 365 * 24 * 60 * 60 * 1000

/** Right, a year ahead, right, a year behind, and so on. */
function jumpingClock(): Clock {
  let looks = 0
  return {
    now: () => {
      looks += 1
      return systemClock.now() + (looks % 2 === 0 ? 0 : looks % 4 === 1 ? yearMs : -yearMs)
    },
    monotonic: () => systemClock.monotonic(),
  }
}

/** What two people do in their first minutes; every answer has to be right. */
async function twoPeople(t: TestContext, database: Database, clock: Clock): Promise<void> {
  const people = await openPeople(t, database, { clock })
  const { token: ann, userId } = await people.person('ann')
  const { token: ben } = await people.person('ben')
  const ask = async (token: string, method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await people.call(method, `/_matrix/client/v3/${path}`, { token, body })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body as Record<string, unknown>
  }
  const rooms = new Set<unknown>()
  for (let made = 0; made < 4; made += 1) {
    const { room_id: roomId } = await ask(ann, 'POST', 'createRoom', { preset: 'public_chat' })
    rooms.add(roomId)
  }
  assert.equal(rooms.size, 4)
  const room = `rooms/${encodeURIComponent(String([...rooms][0]))}`
  await ask(ben, 'POST', `${room}/join`, {})
  const sent: unknown[] = []
  for (let number = 0; number < 12; number += 1) {
    const token = number % 2 === 0 ? ann : ben
    const { event_id: eventId } = await ask(token, 'PUT', `${room}/send/m.room.message/${number}`, { body: 'hello' })
    sent.push(eventId)
    await ask(ben, 'POST', `${room}/receipt/m.read/${encodeURIComponent(String(eventId))}`, {})
  }
  await ask(ann, 'PUT', `sendToDevice/m.test/1`, { messages: { [userId]: { '*': {} } } })
  const seen: unknown[] = []
  for (let from: unknown; ;) {
    const page = await ask(ben, 'GET', `${room}/messages?dir=b&limit=5${from === undefined ? '' : `&from=${from}`}`)
    const chunk = page['chunk'] as readonly { readonly event_id: string; readonly type: string }[]
    seen.push(...chunk.filter(({ type }) => type === 'm.room.message').map(({ event_id: eventId }) => eventId))
    from = page['end']
    if (from === undefined) break
  }
  assert.deepEqual(seen, sent.toReversed())
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`a clock that jumps by years changes neither order nor waits (${engine})`, { skip }, async (t) => {
    const url = await testDatabaseUrl(t, { engine })
    const clock = jumpingClock()
    const database = await openDatabase({ url, poolSize: 1, waitMsMax: 30_000, clock, logger: silentLogger })
    t.after(() => database.close())
    const one = (readOnly: boolean): Promise<unknown> =>
      database.runInteraction('one', (txn) => txn.all(`SELECT 1 AS one`), { readOnly })
    await Promise.all(Array.from({ length: 200 }, (_, index) => one(index % 2 === 0)))
    assert.equal(database.pool.refused, 0)
    await twoPeople(t, database, clock)
  })
}

test('a room that is made after the clock was set back is as old as the clock says', async (t) => {
  const database = await openDatabase({ url: await testDatabaseUrl(t), logger: silentLogger })
  t.after(() => database.close())
  let aheadMs = yearMs
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const people = await openPeople(t, database, { clock })
  const { token } = await people.person('ann')
  const made = async (): Promise<number> => {
    const { body } = await people.call('POST', '/_matrix/client/v3/createRoom', { token, body: {} })
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(body.room_id)}/messages?dir=f&limit=1`
    const { body: page } = await people.call('GET', path, { token })
    return page.chunk[0].origin_server_ts
  }
  assert.ok((await made()) > systemClock.now() + yearMs / 2)
  aheadMs = 0
  assert.ok((await made()) <= systemClock.now())
})

/** What PostgreSQL offers to tell the time with. */
const timeFunctions = ['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp', 'timeofday']

test('nothing asks a database for the time', { skip: postgresMissing() ?? false }, async (t) => {
  const target = await testDatabaseUrl(t, { engine: 'postgres', migrated: false })
  const admin = new pg.Client({ connectionString: target })
  await admin.connect()
  await admin.query('CREATE SCHEMA timeless')
  for (const name of timeFunctions)
    await admin.query(
      `CREATE FUNCTION timeless.${name}() RETURNS timestamptz LANGUAGE plpgsql
       AS $$ BEGIN RAISE EXCEPTION 'the clock of the database cannot be trusted'; END $$`,
    )
  await admin.end()
  const url = new URL(target)
  url.searchParams.set('options', '-c search_path=timeless,pg_catalog,public')
  const database = await openDatabase({ url: String(url), poolSize: 2, logger: silentLogger })
  t.after(() => database.close())
  const asked = database.runInteraction('ask', (txn) => txn.all(`SELECT now() AS now`))
  await assert.rejects(asked, /cannot be trusted/)
  await migrate(database)
  await twoPeople(t, database, systemClock)
})
