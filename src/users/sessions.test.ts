import assert from 'node:assert/strict'
import type { Clock } from '#base/clock.ts'
import type { ServerName, UserId } from '#protocol/identifiers.ts'
import { silentLogger } from '#observability/logger.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import type { Database } from '#storage/transaction.ts'
import { Streams } from '#streams/streams.ts'
import { eachEngine } from '../../test/databases.ts'
import { crossKeys } from '../../test/keys.ts'
import { Accounts } from './accounts.ts'
import { CrossSigning } from './cross-signing.ts'
import { DeviceLists } from './device-lists.ts'
import { Devices } from './devices.ts'
import { LastSeen } from './last-seen.ts'
import { Passwords } from './passwords.ts'
import { Sessions } from './sessions.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId
const unknown = { code: 'M_UNKNOWN_TOKEN', extra: { soft_logout: false } }
const expired = { code: 'M_UNKNOWN_TOKEN', extra: { soft_logout: true } }

class HeldClock implements Clock {
  time = 1_000_000
  now(): number {
    return this.time
  }
  monotonic(): number {
    return this.time
  }
}

async function house(database: Database) {
  const clock = new HeldClock()
  const passwords = new Passwords({ memoryKib: 8, passes: 1 })
  await new Accounts({ database, clock, passwords, serverName: 'example.org' as ServerName }).create({ userId: alice })
  const sessions = new Sessions({ database, clock, accessTokenLifetimeMs: 1000 })
  const lastSeen = new LastSeen({ database, clock, logger: silentLogger })
  const streams = await Streams.open({ database, ids: new IdBlocks({ database }) })
  const deviceLists = new DeviceLists({ database, streams })
  const devices = new Devices({ database, deviceLists, sessions, lastSeen })
  return { sessions, devices, deviceLists, streams, clock }
}

eachEngine(
  'a token that has expired asks for a soft logout, and a refresh brings a fresh one',
  async (_t, database) => {
    const { sessions, clock } = await house(database)
    const first = await sessions.create({ userId: alice, refreshable: true })
    assert.equal((await sessions.authenticate(first.accessToken)).deviceId, first.deviceId)
    clock.time += 1000
    await assert.rejects(sessions.authenticate(first.accessToken), expired)
    const second = await sessions.refresh(first.refreshToken ?? '')
    assert.equal(second.deviceId, first.deviceId)
    assert.equal((await sessions.authenticate(second.accessToken)).userId, alice)
  },
)

eachEngine('a refresh token is good until what it gave is used, then never again', async (_t, database) => {
  const { sessions } = await house(database)
  const first = await sessions.create({ userId: alice, refreshable: true })
  await sessions.authenticate(first.accessToken)
  const lost = await sessions.refresh(first.refreshToken ?? '')
  const second = await sessions.refresh(first.refreshToken ?? '')
  await assert.rejects(sessions.authenticate(lost.accessToken), unknown)
  await assert.rejects(sessions.refresh(lost.refreshToken ?? ''), unknown)
  await sessions.authenticate(first.accessToken)
  await sessions.authenticate(second.accessToken)
  await sessions.authenticate(second.accessToken)
  await assert.rejects(sessions.authenticate(first.accessToken), unknown)
  await assert.rejects(sessions.refresh(first.refreshToken ?? ''), unknown)
  const third = await sessions.refresh(second.refreshToken ?? '')
  const fourth = await sessions.refresh(third.refreshToken ?? '')
  await assert.rejects(sessions.refresh(second.refreshToken ?? ''), unknown)
  await sessions.authenticate(fourth.accessToken)
})

eachEngine('deleting a device ends its session at once, also one that is being looked up', async (_t, database) => {
  const { sessions, devices } = await house(database)
  const phone = await sessions.create({ userId: alice, deviceId: 'PHONE', refreshable: true })
  const laptop = await sessions.create({ userId: alice, deviceId: 'LAPTOP' })
  await sessions.authenticate(laptop.accessToken)
  const looking = sessions.authenticate(phone.accessToken).catch(() => undefined)
  await devices.delete(alice, ['PHONE', 'no such device', 'a\0b'])
  await looking
  await assert.rejects(sessions.authenticate(phone.accessToken), unknown)
  await assert.rejects(sessions.refresh(phone.refreshToken ?? ''), unknown)
  assert.equal((await sessions.authenticate(laptop.accessToken)).deviceId, 'LAPTOP')
  await devices.deleteAll(alice, 'LAPTOP')
  assert.equal((await sessions.authenticate(laptop.accessToken)).deviceId, 'LAPTOP')
  await devices.deleteAll(alice)
  await assert.rejects(sessions.authenticate(laptop.accessToken), unknown)
  assert.deepEqual(await devices.list(alice), [])
})

eachEngine(
  'with devices goes what hangs on them, and whoever follows them hears of each change',
  async (_t, database) => {
    const { sessions, devices, deviceLists, streams } = await house(database)
    await sessions.create({ userId: alice, deviceId: 'PHONE' })
    const deleted: string[] = []
    devices.watch({
      onDeviceDeleted: async (txn, userId, deviceIds) => {
        await txn.run(`DELETE FROM filters WHERE user_id = ?`, userId)
        txn.afterCommit(() => deleted.push(...deviceIds))
      },
    })
    const changes = async (work: Promise<void>): Promise<UserId[]> => {
      const before = streams.deviceLists.position
      await work
      return deviceLists.changedUsersSince(before, streams.deviceLists.position)
    }
    assert.deepEqual(await changes(devices.rename(alice, 'PHONE', 'Phone')), [alice])
    assert.deepEqual(await changes(devices.delete(alice, ['PHONE'])), [alice])
    assert.deepEqual(await changes(devices.delete(alice, ['PHONE'])), [])
    assert.deepEqual(deleted, ['PHONE'])
  },
)

eachEngine('a device cannot log in under the name of a cross-signing key', async (_t, database) => {
  const { sessions, deviceLists } = await house(database)
  const keys = crossKeys(alice)
  await new CrossSigning({ deviceLists }).upload(alice, keys.upload, { authenticated: false })
  const deviceId = keys.master.publicKey
  await assert.rejects(sessions.create({ userId: alice, deviceId }), { code: 'M_INVALID_PARAM' })
  await sessions.create({ userId: bob, deviceId })
})
