import assert from 'node:assert/strict'
import type { Clock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { device, insertDevice } from '#storage/devices.ts'
import type { Database } from '#storage/transaction.ts'
import { eachEngine } from '../../test/databases.ts'
import { LastSeen } from './last-seen.ts'
import type { Requester } from './requester.ts'

const userId = '@alice:example.org' as UserId
const phone: Requester = { userId, deviceId: 'PHONE', isAdmin: false, isGuest: false }

class HeldClock implements Clock {
  time = 1_000_000
  now(): number {
    return this.time
  }
  monotonic(): number {
    return this.time
  }
}

/** Counts the interactions that pass. */
function counted(database: Database): { database: Database; count: () => number } {
  let count = 0
  const counting: Database = {
    engine: database.engine,
    runInteraction: (...args) => {
      count++
      return database.runInteraction(...args)
    },
    close: () => database.close(),
  }
  return { database: counting, count: () => count }
}

eachEngine('sightings are written in one batch, and only when there is something to tell', async (_t, real) => {
  const { database, count } = counted(real)
  const clock = new HeldClock()
  const lastSeen = new LastSeen({ database, clock, logger: silentLogger })
  const createdTs = clock.now()
  await real.runInteraction('add', (txn) =>
    insertDevice(txn, { userId, deviceId: 'PHONE', displayName: null, createdTs }),
  )
  lastSeen.note(phone, '1.2.3.4', 'Browser\0/1')
  lastSeen.note({ ...phone, deviceId: 'DELETED' }, '1.2.3.4', 'x')
  assert.equal(lastSeen.of(userId, 'PHONE')?.ts, 1_000_000)
  await lastSeen.flush()
  assert.equal(count(), 1)
  clock.time += 59_000
  lastSeen.note(phone, '1.2.3.4', 'Browser\0/1')
  await lastSeen.flush()
  assert.equal(count(), 1)
  lastSeen.note(phone, '5.6.7.8', 'Browser\0/1')
  clock.time += 60_000
  lastSeen.note(phone, '5.6.7.8', 'y'.repeat(1000))
  await lastSeen.stop()
  assert.equal(count(), 2)
  const row = await real.runInteraction('read', (txn) => device(txn, userId, 'PHONE'))
  assert.deepEqual([row?.lastSeenTs, row?.lastSeenIp, row?.lastSeenUserAgent], [1_119_000, '5.6.7.8', 'y'.repeat(256)])
  assert.equal(await real.runInteraction('read', (txn) => device(txn, userId, 'DELETED')), undefined)
})

eachEngine('what cannot be written is dropped and logged, and the next batch is tried anew', async (_t, database) => {
  const lines: string[] = []
  const failing: Database = {
    engine: database.engine,
    runInteraction: () => Promise.reject(new Error('the disk is full')),
    close: () => database.close(),
  }
  const logger = { ...silentLogger, warn: (message: string) => void lines.push(message) }
  const lastSeen = new LastSeen({ database: failing, clock: new HeldClock(), logger })
  lastSeen.note(phone, '1.2.3.4', 'x')
  await lastSeen.flush()
  await lastSeen.flush()
  assert.equal(lines.length, 1)
})

eachEngine('a device is seen again after the clock was set back', async (_t, database) => {
  const clock = new HeldClock()
  const lastSeen = new LastSeen({ database, clock, logger: silentLogger })
  clock.time = 1_000_000_000
  lastSeen.note(phone, '10.0.0.1', 'App')
  clock.time = 2_000_000
  lastSeen.note(phone, '10.0.0.1', 'App')
  assert.equal(lastSeen.of(userId, 'PHONE')?.ts, 2_000_000)
})
