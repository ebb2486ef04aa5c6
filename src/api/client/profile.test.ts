import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const base = '/_matrix/client/v3/profile'

eachEngine(
  'a user fills in their profile, everyone reads it, and listeners hear what rooms show',
  async (t, database) => {
    const { call, person, profiles } = await openPeople(t, database)
    const { token, userId } = await person('alice')
    const heard: string[] = []
    profiles.onProfileChanged(async (requester) => {
      heard.push(JSON.stringify(await profiles.memberFields(requester.userId)))
    })
    const path = `${base}/${encodeURIComponent(userId)}`
    const put = (field: string, value: unknown): Promise<{ status: number }> =>
      call('PUT', `${path}/${field}`, { token, body: { [field]: value } })
    assert.deepEqual((await call('GET', path)).body, {})
    assert.equal((await put('displayname', 'Alice')).status, 200)
    assert.equal((await put('avatar_url', 'mxc://example.org/abc')).status, 200)
    assert.equal((await put('m.tz', 'Europe/Zurich')).status, 200)
    assert.equal((await put('org.example.colors', ['red', null, 0.5])).status, 200)
    assert.equal((await put('org.example.nothing', null)).status, 200)
    assert.deepEqual((await call('GET', path)).body, {
      avatar_url: 'mxc://example.org/abc',
      displayname: 'Alice',
      'm.tz': 'Europe/Zurich',
      'org.example.colors': ['red', null, 0.5],
      'org.example.nothing': null,
    })
    assert.deepEqual((await call('GET', `${path}/org.example.nothing`)).body, { 'org.example.nothing': null })
    assert.equal((await put('displayname', '')).status, 200)
    assert.equal((await call('DELETE', `${path}/avatar_url`, { token })).status, 200)
    assert.equal((await call('DELETE', `${path}/avatar_url`, { token })).status, 200)
    assert.equal((await call('GET', `${path}/displayname`)).body.errcode, 'M_NOT_FOUND')
    const unstable = `/_matrix/client/unstable/uk.tcpip.msc4133/profile/${userId}/m.tz`
    assert.deepEqual((await call('GET', unstable)).body, { 'm.tz': 'Europe/Zurich' })
    assert.deepEqual(heard, [
      '{"displayname":"Alice"}',
      '{"displayname":"Alice","avatar_url":"mxc://example.org/abc"}',
      '{"avatar_url":"mxc://example.org/abc"}',
      '{}',
    ])
  },
)

eachEngine('bad profiles are refused, each with its code', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token, userId } = await person('alice')
  await person('bob')
  const cases: [string, unknown, number, string][] = [
    ['displayname', {}, 400, 'M_MISSING_PARAM'],
    ['displayname', { displayname: 7 }, 400, 'M_INVALID_PARAM'],
    ['displayname', { displayname: null }, 400, 'M_INVALID_PARAM'],
    ['displayname', { displayname: 'x'.repeat(1025) }, 400, 'M_INVALID_PARAM'],
    ['displayname', [], 400, 'M_BAD_JSON'],
    ['displayname', '{"displayname": "a", "displayname": "b"}', 400, 'M_BAD_JSON'],
    ['avatar_url', { avatar_url: 'https://example.org/a.png' }, 400, 'M_INVALID_PARAM'],
    ['Upper.Case', { 'Upper.Case': 1 }, 400, 'M_INVALID_PARAM'],
    ['nodots', { nodots: 1 }, 400, 'M_INVALID_PARAM'],
    ['__proto__', {}, 400, 'M_MISSING_PARAM'],
    [`a.${'b'.repeat(254)}`, { [`a.${'b'.repeat(254)}`]: 1 }, 400, 'M_KEY_TOO_LARGE'],
    ['org.example.big', { 'org.example.big': 'x'.repeat(65_536) }, 400, 'M_PROFILE_TOO_LARGE'],
  ]
  for (const [field, body, status, errcode] of cases) {
    const answer = await call('PUT', `${base}/${userId}/${field}`, { token, body })
    assert.deepEqual(
      [answer.status, answer.body.errcode],
      [status, errcode],
      `${field} ${JSON.stringify(body).slice(0, 80)}`,
    )
  }
  assert.deepEqual((await call('GET', `${base}/${userId}`)).body, {})
  const foreign = await call('PUT', `${base}/@bob:example.org/displayname`, { token, body: { displayname: 'x' } })
  assert.deepEqual([foreign.status, foreign.body.errcode], [403, 'M_FORBIDDEN'])
  assert.equal((await call('DELETE', `${base}/@bob:example.org/displayname`, { token })).status, 403)
  assert.equal((await call('PUT', `${base}/${userId}/displayname`, { body: { displayname: 'x' } })).status, 401)
  assert.equal((await call('GET', `${base}/bob`)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await call('GET', `${base}/@bob%00:example.org`)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await call('GET', `${base}/@nobody:example.org`)).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('GET', `${base}/@someone:elsewhere.org/displayname`)).body.errcode, 'M_NOT_FOUND')
})
