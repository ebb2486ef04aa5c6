import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import { deleteDevices, device, devicesOf, insertDevice, renameDevice, updateLastSeen } from './devices.ts'

const userId = '@alice:example.org' as UserId

eachEngine('devices are added once, renamed, seen, listed in order and deleted', async (_t, database) => {
  await database.runInteraction('devices', async (txn) => {
    for (const deviceId of ['B', 'A', 'ä'])
      assert.equal(await insertDevice(txn, { userId, deviceId, displayName: null, createdTs: 1 }), true)
    assert.equal(await insertDevice(txn, { userId, deviceId: 'A', displayName: 'again', createdTs: 2 }), false)
    assert.equal(await renameDevice(txn, userId, 'A', 'Phone'), true)
    assert.equal(await renameDevice(txn, userId, 'C', 'Phone'), false)
    await updateLastSeen(txn, [
      { userId, deviceId: 'A', ts: 7, ip: '::1', userAgent: 'x' },
      { userId, deviceId: 'C', ts: 7, ip: '::1', userAgent: 'x' },
    ])
    assert.deepEqual(await device(txn, userId, 'A'), {
      deviceId: 'A',
      displayName: 'Phone',
      lastSeenTs: 7,
      lastSeenIp: '::1',
      lastSeenUserAgent: 'x',
    })
    assert.deepEqual(
      (await devicesOf(txn, userId)).map(({ deviceId }) => deviceId),
      ['A', 'B', 'ä'],
    )
    assert.deepEqual((await deleteDevices(txn, userId, ['B', 'C', 'A'])).sort(), ['A', 'B'])
    assert.equal(await device(txn, userId, 'A'), undefined)
  })
})
