/** Clients that go away: their waits end at once, what has begun to be written is written, and nobody else loses anything. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { askedBy, askerOf, forEverybody, type Asker } from '#observability/asker.ts'
import { silentLogger } from '#observability/logger.ts'
import { parseRoomId, parseUserId } from '#protocol/identifiers.ts'
import { openDatabase } from '#storage/database-pool.ts'
import type { Database, OpenDatabase, Transaction } from '#storage/transaction.ts'

import { engines, testDatabaseUrl, type Engine } from '../databases.ts'
import { openPeople, type People } from '../people.ts'
import { postgresMissing } from '../postgres.ts'

/** How long something may take to come true, on a machine that has much else to do. */
const comingTrueMsMax = 30_000
/** Interactions that can be under way at once on SQLite: the writer, and those that read. */
const sqlitePlaces = 5

/** A database whose interactions can be held, and that remembers which of them have begun. */
interface Held {
  readonly database: OpenDatabase
  /** The names of those whose body ran, in order. */
  readonly begun: string[]
  /** Takes every place of the gate until it is called again. */
  fill(): Promise<() => Promise<void>>
  /** The next interaction of this name stops before its body; resolves when it is there, with what lets it go on. */
  stopAt(name: string): Promise<() => void>
}

async function openHeld(t: TestContext, engine: Engine): Promise<Held> {
  const url = await testDatabaseUrl(t, { engine })
  const database = await openDatabase({ url, poolSize: 1, logger: silentLogger })
  t.after(() => database.close())
  const begun: string[] = []
  const stops = new Map<string, (goOn: () => void) => void>()
  const run: Database['runInteraction'] = (name, fn, options) =>
    database.runInteraction(
      name,
      async (txn) => {
        begun.push(name)
        const stop = stops.get(name)
        stops.delete(name)
        if (stop !== undefined) await new Promise<void>((resolve) => stop(resolve))
        return fn(txn)
      },
      options,
    )
  return {
    database: {
      engine: database.engine,
      runInteraction: run,
      close: () => database.close(),
      get pool() {
        return database.pool
      },
    },
    begun,
    fill: () => fill(database),
    stopAt: (name) => new Promise((resolve) => stops.set(name, resolve)),
  }
}

async function fill(database: OpenDatabase): Promise<() => Promise<void>> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const hold = (txn: Transaction): Promise<unknown> => txn.all(`SELECT 1 AS one`).then(() => promise)
  const places = database.engine === 'sqlite' ? sqlitePlaces : 1
  const holders = Array.from({ length: places }, (_, place) =>
    database.runInteraction('hold', hold, { readOnly: place > 0 }),
  )
  await until(() => database.pool.inUse === places && database.pool.waiting === 0)
  return async () => {
    resolve(undefined)
    await Promise.all(holders)
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + comingTrueMsMax
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`it did not come true: ${isTrue.toString()}`)
    await nextTurn()
  }
}

/** An asker as the pipeline makes them: it stays once something is kept. */
class Whole implements Asker {
  readonly signal: AbortSignal
  #kept = false

  constructor(given: AbortSignal) {
    const controller = new AbortController()
    given.addEventListener('abort', () => {
      if (!this.#kept) controller.abort(given.reason)
    })
    this.signal = controller.signal
  }

  get gone(): boolean {
    return this.signal.aborted
  }

  keep(): void {
    this.#kept = true
  }
}

interface Client {
  /** Resolves with the status of the answer; 0 when there was none. */
  readonly status: Promise<number>
  leave(): void
}

/** Asks on a connection of its own. */
function ask(people: People, method: string, path: string, token: string, body?: object): Client {
  const headers = { authorization: `Bearer ${token}` }
  const asked = request(`${people.address}/_matrix/client/v3/${path}`, { method, headers, agent: false })
  const status = new Promise<number>((resolve) => {
    asked.on('error', () => resolve(0))
    asked.on('response', (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
    })
  })
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  return { status, leave: () => asked.destroy() }
}

function onEach(name: string, fn: (t: TestContext, held: Held) => Promise<void>): void {
  for (const engine of engines) {
    const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
    test(`${name} (${engine})`, { skip }, async (t) => fn(t, await openHeld(t, engine)))
  }
}

async function room(
  people: People,
): Promise<{ readonly token: string; readonly roomId: string; readonly path: string }> {
  const { token } = await people.person('ann')
  const { body } = await people.call('POST', '/_matrix/client/v3/createRoom', { token, body: {} })
  return { token, roomId: body.room_id, path: `rooms/${encodeURIComponent(body.room_id)}` }
}

const text = { msgtype: 'm.text', body: 'hello' }

onEach('five hundred clients that leave a full gate leave nothing behind', async (t, held) => {
  const { database, begun } = held
  const people = await openPeople(t, database)
  const { token, path } = await room(people)
  const empty = await held.fill()
  begun.length = 0
  const clients = Array.from({ length: 500 }, (_, index) =>
    index % 2 === 0
      ? ask(people, 'GET', `${path}/messages?dir=b&limit=${(index % 50) + 1}`, token)
      : ask(people, 'PUT', `${path}/send/m.room.message/${index}`, token, text),
  )
  await until(() => database.pool.waiting === 500)
  for (const client of clients) client.leave()
  await until(() => database.pool.waiting === 0)
  await empty()
  await until(() => database.pool.inUse === 0)
  assert.deepEqual(begun, [])
  assert.equal(database.pool.refused, 0)
  assert.equal(await ask(people, 'PUT', `${path}/send/m.room.message/last`, token, text).status, 200)
  const { body } = await people.call('GET', `/_matrix/client/v3/${path}/messages?dir=b&limit=50`, { token })
  const said = body.chunk.filter((event: { readonly type: string }) => event.type === 'm.room.message')
  assert.equal(said.length, 1)
})

onEach('what has begun to be written is written although its client has gone', async (t, held) => {
  const people = await openPeople(t, held.database)
  const { token, path } = await room(people)
  const stopped = held.stopAt('persist_event')
  const client = ask(people, 'PUT', `${path}/send/m.room.message/1`, token, text)
  const goOn = await stopped
  client.leave()
  assert.equal(await client.status, 0)
  goOn()
  // The same request again gives the event that was made.
  assert.equal(await ask(people, 'PUT', `${path}/send/m.room.message/1`, token, text).status, 200)
  const { body } = await people.call('GET', `/_matrix/client/v3/${path}/messages?dir=b&limit=50`, { token })
  const said = body.chunk.filter((event: { readonly type: string }) => event.type === 'm.room.message')
  assert.equal(said.length, 1)
})

onEach('a room that two wait for is read although the first of them goes', async (t, held) => {
  const before = await openPeople(t, held.database)
  const { token, path } = await room(before)
  // Another server on the same database has nothing in memory.
  const people = await openPeople(t, held.database)
  const stopped = held.stopAt('load_room')
  const first = ask(people, 'PUT', `${path}/send/m.room.message/1`, token, text)
  const goOn = await stopped
  const looked = (): number => held.begun.filter((name) => name === 'event_by_transaction').length
  const second = ask(people, 'PUT', `${path}/send/m.room.message/2`, token, text)
  await until(() => held.database.pool.waiting === 1 || looked() === 2)
  first.leave()
  assert.equal(await first.status, 0)
  goOn()
  assert.equal(await second.status, 200)
  const loads = held.begun.filter((name) => name === 'load_room')
  assert.equal(loads.length, 1)
})

onEach('a request that was repeated is done although the client of the first one goes', async (t, held) => {
  const people = await openPeople(t, held.database)
  const { roomId } = await room(people)
  const known = await people.knownRooms.require(parseRoomId(roomId))
  const requester = { userId: parseUserId('@ann:example.org'), deviceId: 'PHONE', isAdmin: false, isGuest: false }
  const send = (gone: AbortController): Promise<string> =>
    askedBy(new Whole(gone.signal), () =>
      people.sendEvent.send({ requester, room: known, type: 'm.room.message', content: text, txnId: '1' }),
    )
  const empty = await held.fill()
  const clients = [new AbortController(), new AbortController(), new AbortController()] as const
  const [gone, first, second] = clients.map(send)
  clients[0].abort(new Error('gone'))
  await empty()
  // Two waited for it already.
  assert.equal(await first, await second)
  assert.equal(await gone, await first)
})

onEach('an interaction is wanted as long as its asker is there, and one for everybody always', async (_t, held) => {
  const { database } = held
  const gone = new AbortController()
  const asker = askerOf(gone.signal)
  const one = (readOnly: boolean): Promise<unknown> =>
    database.runInteraction('one', (txn) => txn.all(`SELECT 1 AS one`), { readOnly })
  const empty = await held.fill()
  const alone = [true, false].map((readOnly) =>
    assert.rejects(
      askedBy(asker, () => one(readOnly)),
      /gone/,
    ),
  )
  const shared = [true, false].map((readOnly) => askedBy(asker, () => forEverybody(() => one(readOnly))))
  gone.abort(new Error('gone'))
  await Promise.all(alone)
  assert.equal(database.pool.waiting, 2)
  await empty()
  await Promise.all(shared)
  for (const readOnly of [true, false])
    await assert.rejects(
      askedBy(asker, () => one(readOnly)),
      /gone/,
    )
  assert.deepEqual(held.begun, ['one', 'one'])
})
