import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const path = '/_matrix/client/v3/login'
const whoami = '/_matrix/client/v3/account/whoami'

function withPassword(user: string, password = 'correct horse'): object {
  return { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password }
}

eachEngine('a user logs in by localpart, by user id, in the older way, and in the wrong case', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  await person('alice')
  assert.deepEqual((await call('GET', path)).body, { flows: [{ type: 'm.login.password' }] })
  const old = { type: 'm.login.password', user: 'alice', password: 'correct horse' }
  for (const body of [withPassword('alice'), withPassword('@alice:example.org'), withPassword('Alice'), old]) {
    const { status, body: session } = await call('POST', path, { body })
    assert.equal(status, 200)
    assert.equal(session.user_id, '@alice:example.org')
    assert.equal(session.home_server, 'example.org')
    assert.equal((await call('GET', whoami, { token: session.access_token })).body.device_id, session.device_id)
  }
})

eachEngine('logging a device in again ends its former session and keeps its name', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const alice = await person('alice')
  await call('PUT', `/_matrix/client/v3/devices/${alice.deviceId}`, {
    token: alice.token,
    body: { display_name: 'Old' },
  })
  const { body } = await call('POST', path, {
    body: { ...withPassword('alice'), device_id: alice.deviceId, initial_device_display_name: 'New' },
  })
  assert.equal(body.device_id, alice.deviceId)
  const former = await call('GET', whoami, { token: alice.token })
  assert.deepEqual([former.status, former.body.errcode, former.body.soft_logout], [401, 'M_UNKNOWN_TOKEN', false])
  const device = await call('GET', `/_matrix/client/v3/devices/${alice.deviceId}`, { token: body.access_token })
  assert.equal(device.body.display_name, 'Old')
})

eachEngine('bad logins are refused, each with its code', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  await person('alice')
  const good = withPassword('alice')
  const cases: [unknown, number, string][] = [
    [withPassword('alice', 'wrong'), 403, 'M_FORBIDDEN'],
    [withPassword('alice', 'x'.repeat(600)), 403, 'M_FORBIDDEN'],
    [withPassword('alice', ''), 403, 'M_FORBIDDEN'],
    [withPassword('nobody'), 403, 'M_FORBIDDEN'],
    [withPassword('@alice:elsewhere.org'), 403, 'M_FORBIDDEN'],
    [withPassword('a\0b'), 403, 'M_FORBIDDEN'],
    [withPassword('a'.repeat(300)), 403, 'M_FORBIDDEN'],
    [withPassword(''), 403, 'M_FORBIDDEN'],
    [{ type: 'm.login.token', token: 'abc' }, 400, 'M_UNKNOWN'],
    [{ type: 'm.login.password', password: 'x' }, 400, 'M_MISSING_PARAM'],
    [{ type: 'm.login.password', identifier: { type: 'm.id.user' }, password: 'x' }, 400, 'M_MISSING_PARAM'],
    [{ type: 'm.login.password', user: 'alice' }, 400, 'M_MISSING_PARAM'],
    [{ ...good, identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@b' } }, 403, 'M_FORBIDDEN'],
    [{ ...good, identifier: 'alice' }, 400, 'M_BAD_JSON'],
    [{}, 400, 'M_MISSING_PARAM'],
    [{ ...good, device_id: 'a\0b' }, 400, 'M_INVALID_PARAM'],
    [{ ...good, device_id: 5 }, 400, 'M_BAD_JSON'],
    [{ ...good, initial_device_display_name: 'é'.repeat(201) }, 400, 'M_INVALID_PARAM'],
    ['nonsense', 400, 'M_NOT_JSON'],
  ]
  for (const [body, status, errcode] of cases) {
    const answer = await call('POST', path, { body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body))
  }
})

eachEngine('unknown, foreign and missing tokens are told apart from good ones', async (t, database) => {
  const { call } = await openPeople(t, database)
  for (const token of ['tsr_unknown', 'syt_foreign_abc', 'x'.repeat(5000)]) {
    const { status, body } = await call('GET', whoami, { token })
    assert.deepEqual([status, body.errcode, body.soft_logout], [401, 'M_UNKNOWN_TOKEN', false])
  }
  const missing = await call('GET', whoami)
  assert.deepEqual([missing.status, missing.body.errcode], [401, 'M_MISSING_TOKEN'])
})
