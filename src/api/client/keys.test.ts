import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../../test/databases.ts'
import { TestDevice } from '../../../test/keys.ts'
import { openPeople } from '../../../test/people.ts'

const keysPath = '/_matrix/client/v3/keys'

eachEngine('two people find each other’s devices and claim a key of one', async (t, database) => {
  const people = await openPeople(t, database)
  const alice = await people.person('alice')
  const bob = await people.person('bob')
  const device = new TestDevice({ userId: alice.userId as UserId, deviceId: alice.deviceId })
  const deviceKeys = device.keys()
  const uploaded = await people.call('POST', `${keysPath}/upload`, {
    token: alice.token,
    body: { device_keys: deviceKeys, one_time_keys: device.oneTimeKeys('AAAA') },
  })
  assert.deepEqual(uploaded, { status: 200, body: { one_time_key_counts: { signed_curve25519: 1 } } })

  const wanted = { [alice.userId]: [], '@carol:elsewhere': [], '@nobody:example.org': [] }
  const found = await people.call('POST', `${keysPath}/query`, { token: bob.token, body: { device_keys: wanted } })
  assert.equal(found.status, 200)
  assert.deepEqual(found.body.device_keys[alice.userId][alice.deviceId].signatures, deviceKeys['signatures'])
  assert.deepEqual(Object.keys(found.body.device_keys), [alice.userId])
  assert.deepEqual(Object.keys(found.body.failures), ['elsewhere'])

  const one_time_keys = { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' }, '@carol:elsewhere': { X: 'x' } }
  const claim = { token: bob.token, body: { one_time_keys } }
  const claimed = await people.call('POST', `${keysPath}/claim`, claim)
  assert.deepEqual(claimed.body.one_time_keys, { [alice.userId]: { [alice.deviceId]: device.oneTimeKeys('AAAA') } })
  assert.deepEqual(Object.keys(claimed.body.failures), ['elsewhere'])
  assert.deepEqual((await people.call('POST', `${keysPath}/claim`, claim)).body.one_time_keys, {})
})

eachEngine('a device that is renamed or deleted is so for those who look for keys', async (t, database) => {
  const people = await openPeople(t, database)
  const alice = await people.person('alice')
  const device = new TestDevice({ userId: alice.userId as UserId, deviceId: alice.deviceId })
  const { token } = alice
  await people.call('POST', `${keysPath}/upload`, { token, body: { device_keys: device.keys() } })
  const start = people.streams.deviceLists.position
  const path = `/_matrix/client/v3/devices/${alice.deviceId}`
  await people.call('PUT', path, { token, body: { display_name: 'Pocket' } })
  const query = { body: { device_keys: { [alice.userId]: [] } } }
  const found = await people.call('POST', `${keysPath}/query`, { token, ...query })
  assert.deepEqual(found.body.device_keys[alice.userId][alice.deviceId].unsigned, { device_display_name: 'Pocket' })
  const renamed = people.streams.deviceLists.position
  assert.deepEqual(await people.deviceLists.changedUsersSince(start, renamed), [alice.userId])

  const bob = await people.person('bob')
  await people.call('POST', '/_matrix/client/v3/logout', { token, body: {} })
  const gone = await people.call('POST', `${keysPath}/query`, { token: bob.token, ...query })
  assert.deepEqual(gone.body.device_keys, { [alice.userId]: {} })
  const deleted = people.streams.deviceLists.position
  assert.deepEqual(await people.deviceLists.changedUsersSince(renamed, deleted), [alice.userId])
})

eachEngine('bad requests for keys are refused by name', async (t, database) => {
  const people = await openPeople(t, database)
  const { token } = await people.person('alice')
  const refused = async (path: string, body: unknown, errcode: string, status = 400): Promise<void> => {
    const answer = await people.call('POST', `${keysPath}/${path}`, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], `${path} ${JSON.stringify(body)}`)
  }
  for (const path of ['upload', 'query', 'claim']) {
    assert.equal((await people.call('POST', `${keysPath}/${path}`, { body: {} })).body.errcode, 'M_MISSING_TOKEN')
    await refused(path, '{"broken', 'M_NOT_JSON')
    await refused(path, [], 'M_BAD_JSON')
  }
  await refused('upload', { device_keys: [] }, 'M_BAD_JSON')
  await refused('upload', { device_keys: {} }, 'M_BAD_JSON')
  await refused('upload', { one_time_keys: 'x' }, 'M_BAD_JSON')
  await refused('upload', { one_time_keys: { 'a:b': 1.5 } }, 'M_BAD_JSON')
  await refused('query', {}, 'M_MISSING_PARAM')
  await refused('query', { device_keys: { '@a:b': {} } }, 'M_BAD_JSON')
  await refused('query', { device_keys: { '@a\nb:c': {} } }, 'M_BAD_JSON')
  await refused('query', { device_keys: { '@a:b': [1] } }, 'M_BAD_JSON')
  await refused('query', { device_keys: { nobody: [] } }, 'M_INVALID_PARAM')
  await refused('claim', {}, 'M_MISSING_PARAM')
  await refused('claim', { one_time_keys: { '@a:b': { D: 1 } } }, 'M_BAD_JSON')
  await refused('claim', { one_time_keys: { nobody: {} } }, 'M_INVALID_PARAM')
})
