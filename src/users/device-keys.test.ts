import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../test/databases.ts'
import { crossKeys, keyHouse, TestDevice } from '../../test/keys.ts'

eachEngine('uploaded device keys are found as they were, with the name of the device', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE', 'TABLET', 'KEYLESS')
  const bob = await house.user('bob', 'LAPTOP')
  const keys = new TestDevice(alice).keys()
  await house.deviceKeys.upload(alice, { deviceKeys: { ...keys, unsigned: { device_display_name: 'mine' } } })
  const tablet = { ...alice, deviceId: 'TABLET' }
  await house.deviceKeys.upload(tablet, { deviceKeys: new TestDevice(tablet).keys() })

  const all = await house.deviceKeys.query(bob, new Map([[alice.userId, []]]))
  assert.deepEqual(Object.keys(all.device_keys[alice.userId] ?? {}), ['PHONE', 'TABLET'])
  assert.deepEqual(all.device_keys[alice.userId]?.['PHONE'], {
    ...keys,
    unsigned: { device_display_name: `PHONE of ${alice.userId}` },
  })
  const some = await house.deviceKeys.query(bob, new Map([[alice.userId, ['TABLET', 'NOBODY']]]))
  assert.deepEqual(Object.keys(some.device_keys[alice.userId] ?? {}), ['TABLET'])
})

eachEngine(
  'users without keys are there, unknown ones are not, and those elsewhere count as failures',
  async (_t, db) => {
    const house = await keyHouse(db)
    const alice = await house.user('alice', 'PHONE')
    const wanted = ['@alice:here', '@nobody:here', '@carol:elsewhere', '@dan:elsewhere'] as UserId[]
    const before = house.interactions.length
    const answer = await house.deviceKeys.query(alice, new Map(wanted.map((userId) => [userId, []])))
    assert.equal(house.interactions.length, before + 1)
    assert.deepEqual(answer.device_keys, { '@alice:here': {} })
    assert.deepEqual(Object.keys(answer.failures), ['elsewhere'])
  },
)

eachEngine('an upload changes the device list once, however often it comes', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const bob = await house.user('bob', 'LAPTOP')
  house.deviceLists.wakeThoseWho(async () => [bob.userId])
  const start = house.streams.deviceLists.position
  const deviceKeys = new TestDevice(alice).keys()
  await house.deviceKeys.upload(alice, { deviceKeys })
  const first = house.streams.deviceLists.position
  assert.deepEqual(await house.deviceLists.changedUsersSince(start, first), [alice.userId])
  assert.equal(house.streams.deviceLists.userChangedSince(bob.userId, start), true)
  await house.deviceKeys.upload(alice, { deviceKeys })
  const second = house.streams.deviceLists.position
  assert.deepEqual(await house.deviceLists.changedUsersSince(first, second), [])
  assert.equal(house.streams.deviceLists.userChangedSince(bob.userId, first), false)
})

eachEngine('device keys that are not the device’s own, malformed or wrongly signed are refused', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  const refused = (deviceKeys: JsonObject, code: string): Promise<void> =>
    assert.rejects(house.deviceKeys.upload(alice, { deviceKeys, oneTimeKeys: phone.oneTimeKeys('a') }), { code })
  await refused(phone.keys({ user_id: '@bob:here' }), 'M_BAD_JSON')
  await refused(phone.keys({ device_id: 'TABLET' }), 'M_BAD_JSON')
  await refused(phone.keys({ algorithms: 'olm' }), 'M_BAD_JSON')
  await refused(phone.keys({ algorithms: [1] }), 'M_BAD_JSON')
  await refused(phone.keys({ keys: {} }), 'M_BAD_JSON')
  await refused(phone.keys({ keys: { 'ed25519:PHONE': 'short' } }), 'M_BAD_JSON')
  await refused({ ...phone.keys(), keys: undefined }, 'M_BAD_JSON')
  await refused({ ...phone.keys(), signatures: undefined }, 'M_BAD_JSON')
  await refused({ ...phone.keys(), signatures: {} }, 'M_INVALID_SIGNATURE')
  await refused({ ...phone.keys(), algorithms: [] }, 'M_INVALID_SIGNATURE')
  await refused({ ...phone.keys(), float: 0.5 }, 'M_INVALID_SIGNATURE')
  await refused(
    { ...phone.keys(), signatures: { [alice.userId]: { 'ed25519:PHONE': 'not base64!' } } },
    'M_INVALID_SIGNATURE',
  )
  await refused(phone.keys({ padding: 'x'.repeat(70_000) }), 'M_TOO_LARGE')
  const answer = await house.deviceKeys.query(alice, new Map([[alice.userId, []]]))
  assert.deepEqual(answer.device_keys, { [alice.userId]: {} })
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, {})
})

eachEngine('a device cannot have the name of a cross-signing key', async (_t, db) => {
  const house = await keyHouse(db)
  const keys = crossKeys('@alice:here' as UserId)
  const alice = await house.user('alice', 'PHONE')
  await house.crossSigning.upload(alice.userId, keys.upload, { authenticated: false })
  const imposter = { ...alice, deviceId: keys.master.publicKey }
  await house.user('alice', imposter.deviceId)
  const deviceKeys = new TestDevice(imposter).keys()
  await assert.rejects(house.deviceKeys.upload(imposter, { deviceKeys }), { code: 'M_FORBIDDEN' })
})

eachEngine('with a device goes all that was kept for it', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE', 'TABLET')
  const phone = new TestDevice(alice)
  const tablet = { ...alice, deviceId: 'TABLET' }
  await house.deviceKeys.upload(alice, { deviceKeys: phone.keys(), oneTimeKeys: phone.oneTimeKeys('a') })
  await house.deviceKeys.upload(tablet, { deviceKeys: new TestDevice(tablet).keys() })
  const keys = crossKeys(alice.userId)
  await house.crossSigning.upload(alice.userId, keys.upload, { authenticated: false })
  await house.keySignatures.upload(alice.userId, {
    [alice.userId]: { [keys.master.publicKey]: phone.sign(keys.upload.master) },
  })
  await house.toDevice.send(alice, 'm.test', 'txn', new Map([[alice.userId, new Map([['*', { a: 1 }]])]]))
  await house.oneTimeKeys.counts(alice.userId, 'PHONE')

  await db.runInteraction('delete', (txn) => house.deviceKeys.onDeviceDeleted(txn, alice.userId, ['PHONE']))
  const answer = await house.deviceKeys.query(alice, new Map([[alice.userId, []]]))
  assert.deepEqual(Object.keys(answer.device_keys[alice.userId] ?? {}), ['TABLET'])
  assert.equal(answer.master_keys[alice.userId]?.['signatures'], undefined)
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, {})
  const range = { from: 0, to: house.streams.toDevice.position, limit: 10 }
  assert.deepEqual((await house.toDevice.since(alice.userId, 'PHONE', range)).texts, [])
  assert.equal((await house.toDevice.since(alice.userId, 'TABLET', range)).texts.length, 1)
})
