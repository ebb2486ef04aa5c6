import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople, type People } from '../../../test/people.ts'

const base = '/_matrix/client/v3'

async function logIn({ call }: People, deviceId: string): Promise<string> {
  const body = { type: 'm.login.password', user: 'alice', password: 'correct horse', device_id: deviceId }
  return (await call('POST', `${base}/login`, { body })).body.access_token
}

eachEngine('a user lists, names and looks up their devices and nobody else’s', async (t, database) => {
  const people = await openPeople(t, database)
  const { call, person } = people
  const alice = await person('alice')
  const bob = await person('bob')
  const token = await logIn(people, 'DESK TOP/1')
  const path = `${base}/devices/${encodeURIComponent('DESK TOP/1')}`
  assert.deepEqual((await call('PUT', path, { token, body: { display_name: 'Desk' } })).body, {})
  assert.equal((await call('PUT', path, { token, body: {} })).status, 200)
  const one = await call('GET', path, { token })
  assert.equal(one.body.display_name, 'Desk')
  assert.equal(one.body.last_seen_ip, '127.0.0.1')
  assert.equal(typeof one.body.last_seen_ts, 'number')
  const { devices } = (await call('GET', `${base}/devices`, { token })).body
  const unnamed = devices.find((device: { device_id: string }) => device.device_id === alice.deviceId)
  assert.equal(unnamed.display_name, null)
  assert.deepEqual(
    devices.map((device: { device_id: string }) => device.device_id).sort(),
    ['DESK TOP/1', alice.deviceId].sort(),
  )
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', { display_name: 'x' }],
    ['PUT', {}],
  ] as const) {
    const foreign = await call(method, path, { token: bob.token, body })
    assert.deepEqual([foreign.status, foreign.body.errcode], [404, 'M_NOT_FOUND'])
  }
  assert.equal(
    (await call('PUT', path, { token, body: { display_name: 'x'.repeat(401) } })).body.errcode,
    'M_INVALID_PARAM',
  )
  assert.equal((await call('PUT', path, { token, body: { display_name: 7 } })).body.errcode, 'M_BAD_JSON')
  assert.equal((await call('GET', `${base}/devices/a%00b`, { token })).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('PUT', `${base}/devices/a%00b`, { token, body: { display_name: 'x' } })).status, 404)
})

eachEngine('devices are deleted for the user’s own password alone, one or many', async (t, database) => {
  const people = await openPeople(t, database)
  const { call, person } = people
  const alice = await person('alice')
  await person('bob')
  const tokens = [await logIn(people, 'A'), await logIn(people, 'B'), await logIn(people, 'C')]
  const { token } = alice
  const asked = await call('DELETE', `${base}/devices/A`, { token })
  assert.equal(asked.status, 401)
  assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }])
  const { session } = asked.body
  const proof = (user: string, password: string): object => ({
    auth: { type: 'm.login.password', session, identifier: { type: 'm.id.user', user }, password },
  })
  for (const [user, password] of [
    ['alice', 'wrong'],
    ['bob', 'correct horse'],
  ] as const) {
    const refused = await call('DELETE', `${base}/devices/A`, { token, body: proof(user, password) })
    assert.deepEqual([refused.status, refused.body.errcode, refused.body.session], [401, 'M_FORBIDDEN', session])
  }
  const elsewhere = await call('DELETE', `${base}/devices/B`, { token, body: proof('alice', 'correct horse') })
  assert.equal(elsewhere.status, 401)
  assert.equal(
    (await call('DELETE', `${base}/devices/A`, { token, body: proof('alice', 'correct horse') })).status,
    200,
  )
  assert.equal((await call('GET', `${base}/account/whoami`, { token: tokens[0] ?? '' })).status, 401)
  const auth = { type: 'm.login.password', user: '@alice:example.org', password: 'correct horse' }
  const many = await call('POST', `${base}/delete_devices`, { token, body: { devices: ['B', 'C', 'gone'], auth } })
  assert.equal(many.status, 200)
  for (const gone of tokens) assert.equal((await call('GET', `${base}/account/whoami`, { token: gone })).status, 401)
  assert.equal((await call('GET', `${base}/account/whoami`, { token })).status, 200)
  assert.equal(
    (await call('POST', `${base}/delete_devices`, { token, body: { auth } })).body.errcode,
    'M_MISSING_PARAM',
  )
  assert.equal(
    (await call('POST', `${base}/delete_devices`, { token, body: { devices: [1] } })).body.errcode,
    'M_BAD_JSON',
  )
})

eachEngine('logging out deletes the device, logging out everywhere all of them', async (t, database) => {
  const people = await openPeople(t, database)
  const { call, person, devices } = people
  const alice = await person('alice')
  const tokens = [await logIn(people, 'A'), await logIn(people, 'B')]
  assert.deepEqual((await call('POST', `${base}/logout`, { token: alice.token })).body, {})
  const after = await call('GET', `${base}/devices`, { token: alice.token })
  assert.deepEqual([after.status, after.body.errcode, after.body.soft_logout], [401, 'M_UNKNOWN_TOKEN', false])
  assert.equal((await call('GET', `${base}/devices`, { token: tokens[0] ?? '' })).body.devices.length, 2)
  assert.deepEqual((await call('POST', `${base}/logout/all`, { token: tokens[0] ?? '' })).body, {})
  for (const token of tokens) assert.equal((await call('GET', `${base}/devices`, { token })).status, 401)
  assert.deepEqual(await devices.list('@alice:example.org' as Parameters<typeof devices.list>[0]), [])
})

eachEngine('refresh gives tokens over HTTP and refuses what it does not know', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  await person('alice')
  const body = { type: 'm.login.password', user: 'alice', password: 'correct horse', refresh_token: true }
  const first = (await call('POST', `${base}/login`, { body })).body
  const second = await call('POST', `${base}/refresh`, { body: { refresh_token: first.refresh_token } })
  assert.deepEqual(Object.keys(second.body).sort(), ['access_token', 'expires_in_ms', 'refresh_token'])
  assert.equal((await call('GET', `${base}/account/whoami`, { token: second.body.access_token })).status, 200)
  for (const refresh_token of [first.refresh_token, first.access_token, 'x'.repeat(600), '']) {
    const refused = await call('POST', `${base}/refresh`, { body: { refresh_token } })
    assert.deepEqual([refused.status, refused.body.errcode], [401, 'M_UNKNOWN_TOKEN'])
  }
  assert.equal((await call('POST', `${base}/refresh`, { body: {} })).body.errcode, 'M_MISSING_PARAM')
})
