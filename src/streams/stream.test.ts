import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Database, Transaction } from '#storage/transaction.ts'
import { Stream, type Changed, type NumberSource, type Reservation } from './stream.ts'

/** Numbers in memory that skip some, as a new block after a restart does. */
function numbersFrom(next: number, skip: () => number = () => 0): NumberSource {
  return {
    reserve(_name, count) {
      next += skip()
      const first = next
      next += count
      return Promise.resolve(first)
    },
  }
}

const someTransaction: Transaction = {
  name: 'some',
  all: () => Promise.resolve([]),
  get: () => Promise.resolve(undefined),
  run: () => Promise.resolve(0),
  runMany: () => Promise.resolve(),
  afterCommit: () => undefined,
  afterRollback: () => undefined,
}

const memoryDatabase: Database = {
  engine: 'sqlite',
  runInteraction: (_name, fn) => fn(someTransaction),
  close: () => Promise.resolve(),
}

test('a position is gap-free, never goes back and loses no wake-up, under any order of completion', async () => {
  const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), skip: fc.nat(3), abandon: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(steps, fc.infiniteStream(fc.nat()), async (writers, choice) => {
      const skips = writers.map((writer) => writer.skip)
      const woken: Changed[] = []
      const stream = await Stream.open(
        'events',
        numbersFrom(1, () => skips.shift() ?? 0),
        (changed) => woken.push(changed),
      )
      const reservations = await Promise.all(writers.map((writer) => stream.reserve(writer.count)))
      const open = reservations.map((reservation, index) => ({ reservation, index }))
      const published: Reservation[] = []
      let before = stream.position
      while (open.length > 0) {
        const [next] = open.splice(Number(choice.next().value) % open.length, 1)
        assert.ok(next)
        if (writers[next.index]?.abandon === true) stream.abandon(next.reservation)
        else {
          stream.publish(next.reservation, { rooms: [next.index] })
          published.push(next.reservation)
        }
        const firstOpen = Math.min(...open.map(({ reservation }) => reservation.first))
        const passed = reservations.filter(({ first }) => first < firstOpen)
        assert.equal(stream.position, Math.max(1, ...passed.map(({ last }) => last), before))
        assert.ok(stream.position >= before)
        before = stream.position
        assert.equal(woken.length, published.filter(({ last }) => last <= stream.position).length)
      }
      assert.equal(woken.length, published.length)
    }),
  )
})

test('a stream that is opened again stands above everything it handed out before', async () => {
  const numbers = numbersFrom(1)
  const before = await Stream.open('events', numbers, () => undefined)
  const reservation = await before.reserve(5)
  const after = await Stream.open('events', numbers, () => undefined)
  assert.ok(after.position >= reservation.last)
})

test('only rooms and users that were named have changed', async () => {
  const stream = await Stream.open('events', numbersFrom(1), () => undefined)
  const since = stream.position
  stream.publish(await stream.reserve(1), { rooms: [7] })
  assert.equal(stream.roomChangedSince(7, since), true)
  assert.equal(stream.roomChangedSince(8, since), false)
  assert.equal(stream.roomChangedSince(7, stream.position), false)
  assert.equal(stream.roomChangedSince(8, since - 1), true, 'before the start anything may have changed')
})

test('the state of a room has changed unless the publication says that it has not', async () => {
  const stream = await Stream.open('events', numbersFrom(1), () => undefined)
  const since = stream.position
  stream.publish(await stream.reserve(1), { rooms: [7], states: [] })
  assert.equal(stream.roomChangedSince(7, since), true)
  assert.equal(stream.stateChangedSince(7, since), false)
  stream.publish(await stream.reserve(1), { rooms: [7] })
  assert.equal(stream.stateChangedSince(7, since), true)
})

test('append publishes what was written and abandons what failed', async () => {
  const stream = await Stream.open('receipts', numbersFrom(1), () => undefined)
  const start = stream.position
  const written = await stream.append(
    memoryDatabase,
    'test',
    (_txn, first) => Promise.resolve(first),
    () => ({ rooms: [1] }),
  )
  assert.equal(written, start + 1)
  assert.equal(stream.position, start + 1)
  await assert.rejects(
    stream.append(
      memoryDatabase,
      'test',
      () => Promise.reject(new Error('disk full')),
      () => ({ rooms: [2] }),
    ),
    /disk full/,
  )
  assert.equal(stream.position, start + 2)
  assert.equal(stream.roomChangedSince(2, start), false)
})

test('completing a reservation twice is an error', async () => {
  const stream = await Stream.open('events', numbersFrom(1), () => undefined)
  const reservation = await stream.reserve(1)
  stream.publish(reservation, {})
  assert.throws(() => stream.abandon(reservation), /completed twice/)
})

test('what is taken and not published is the lag, however much behind it is done already', async () => {
  const stream = await Stream.open('events', numbersFrom(1), () => undefined)
  assert.deepEqual(stream.lag, { positions: 0, oldestMs: 0 })
  const first = await stream.reserve(2)
  const second = await stream.reserve(3)
  assert.equal(stream.lag.positions, 5)
  assert.ok(stream.lag.oldestMs > 0)
  stream.publish(second, {})
  assert.equal(stream.lag.positions, 5)
  stream.abandon(first)
  assert.deepEqual(stream.lag, { positions: 0, oldestMs: 0 })
})
