import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const path = '/_matrix/client/v3/register'
const dummy = { type: 'm.login.dummy' }

eachEngine('a newcomer registers by the dummy flow and is logged in', async (t, database) => {
  const { call } = await openPeople(t, database)
  const body = {
    username: 'alice',
    password: 'correct horse',
    device_id: 'PHONE',
    initial_device_display_name: 'Phone',
  }
  const asked = await call('POST', path, { body })
  assert.equal(asked.status, 401)
  assert.deepEqual(asked.body.flows, [{ stages: ['m.login.dummy'] }])
  assert.equal('errcode' in asked.body, false)
  const done = await call('POST', path, { body: { ...body, auth: { ...dummy, session: asked.body.session } } })
  assert.equal(done.status, 200)
  assert.equal(done.body.user_id, '@alice:example.org')
  assert.equal(done.body.device_id, 'PHONE')
  assert.match(done.body.access_token, /^tsr_/)
  assert.equal('refresh_token' in done.body, false)
  const who = await call('GET', '/_matrix/client/v3/account/whoami', { token: done.body.access_token })
  assert.deepEqual(who.body, { user_id: '@alice:example.org', device_id: 'PHONE', is_guest: false })
})

eachEngine('a user name is taken once, in every case that can be asked for', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  await person('alice')
  const again = await call('POST', path, { body: { username: 'alice', password: 'correct horse' } })
  assert.deepEqual([again.status, again.body.errcode], [400, 'M_USER_IN_USE'])
  const upper = await call('POST', path, { body: { username: 'Alice', password: 'correct horse' } })
  assert.deepEqual([upper.status, upper.body.errcode], [400, 'M_INVALID_USERNAME'])
  const available = `${path}/available?username=`
  assert.deepEqual((await call('GET', `${available}bob`)).body, { available: true })
  assert.equal((await call('GET', `${available}alice`)).body.errcode, 'M_USER_IN_USE')
  assert.equal((await call('GET', `${available}a%20b`)).body.errcode, 'M_INVALID_USERNAME')
  assert.equal((await call('GET', `${path}/available`)).body.errcode, 'M_MISSING_PARAM')
})

eachEngine('of two who want one name at the same time one gets it', async (t, database) => {
  const { call } = await openPeople(t, database)
  const body = { username: 'alice', password: 'correct horse', auth: dummy }
  const both = await Promise.all([call('POST', path, { body }), call('POST', path, { body })])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400])
  assert.equal(both.find(({ status }) => status === 400)?.body.errcode, 'M_USER_IN_USE')
})

eachEngine('a login can be inhibited, a name left to the server, and tokens made to expire', async (t, database) => {
  const { call } = await openPeople(t, database)
  const inhibited = await call('POST', path, { body: { password: 'correct horse', inhibit_login: true, auth: dummy } })
  assert.equal(inhibited.status, 200)
  assert.deepEqual(Object.keys(inhibited.body), ['user_id'])
  assert.match(inhibited.body.user_id, /^@[a-z]{12}:example\.org$/)
  const refreshable = await call('POST', path, {
    body: { password: 'correct horse', refresh_token: true, auth: dummy },
  })
  assert.match(refreshable.body.refresh_token, /^tsrr_/)
  assert.equal(refreshable.body.expires_in_ms, 3_600_000)
})

eachEngine('bad registrations are refused, each with its code', async (t, database) => {
  const { call } = await openPeople(t, database)
  const good = { username: 'alice', password: 'correct horse', auth: dummy }
  const cases: [unknown, number, string][] = [
    ['{', 400, 'M_NOT_JSON'],
    [[], 400, 'M_BAD_JSON'],
    [{ ...good, username: 7 }, 400, 'M_BAD_JSON'],
    [{ ...good, username: '' }, 400, 'M_INVALID_USERNAME'],
    [{ ...good, username: 'a'.repeat(255) }, 400, 'M_INVALID_USERNAME'],
    [{ ...good, username: 'a\0b' }, 400, 'M_INVALID_USERNAME'],
    [{ ...good, username: '@alice:example.org' }, 400, 'M_INVALID_USERNAME'],
    [{ ...good, password: 'short' }, 400, 'M_WEAK_PASSWORD'],
    [{ ...good, password: 'x'.repeat(513) }, 400, 'M_INVALID_PARAM'],
    [{ ...good, device_id: 'a\0b' }, 400, 'M_INVALID_PARAM'],
    [{ ...good, device_id: 'x'.repeat(256) }, 400, 'M_INVALID_PARAM'],
    [{ ...good, device_id: '' }, 400, 'M_INVALID_PARAM'],
    [{ ...good, initial_device_display_name: 'x'.repeat(401) }, 400, 'M_INVALID_PARAM'],
    [{ ...good, auth: 'please' }, 400, 'M_BAD_JSON'],
    [{ ...good, auth: { type: 'm.login.password' } }, 401, 'M_UNRECOGNIZED'],
    [{ ...good, auth: { ...dummy, session: 'never opened' } }, 401, 'M_UNAUTHORIZED'],
    [{ username: 'alice', auth: dummy }, 400, 'M_MISSING_PARAM'],
  ]
  for (const [body, status, errcode] of cases) {
    const answer = await call('POST', path, { body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body))
  }
  assert.equal((await call('POST', `${path}?kind=guest`, { body: {} })).body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
  assert.equal((await call('POST', `${path}?kind=robot`, { body: good })).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await call('GET', `${path}/available?username=alice`)).status, 200)
})

eachEngine('a closed server registers nobody', async (t, database) => {
  const { call } = await openPeople(t, database, { registration: { mode: 'closed', sharedSecret: undefined } })
  const answer = await call('POST', path, { body: { username: 'alice', password: 'correct horse', auth: dummy } })
  assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'])
  assert.equal((await call('GET', `${path}/available?username=alice`)).status, 403)
  assert.equal(
    (await call('GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=x')).status,
    403,
  )
})

eachEngine('with tokens, a token makes as many accounts as it is good for', async (t, database) => {
  const people = await openPeople(t, database, { registration: { mode: 'token', sharedSecret: undefined } })
  const { call, registrationTokens } = people
  await registrationTokens.create({ token: 'once', usesAllowed: 1 })
  await registrationTokens.create({ token: 'late', expiresTs: 1 })
  const valid = async (token: string): Promise<unknown> =>
    (await call('GET', `/_matrix/client/v1/register/m.login.registration_token/validity?token=${token}`)).body.valid
  assert.deepEqual(
    [await valid('once'), await valid('late'), await valid('%00'), await valid('no')],
    [true, false, false, false],
  )
  const register = (username: string, auth: object): ReturnType<typeof call> =>
    call('POST', path, { body: { username, password: 'correct horse', auth } })
  assert.equal((await register('alice', dummy)).status, 401)
  assert.equal((await register('alice', { type: 'm.login.registration_token' })).body.errcode, 'M_MISSING_PARAM')
  assert.equal(
    (await register('alice', { type: 'm.login.registration_token', token: 'no' })).body.errcode,
    'M_UNAUTHORIZED',
  )
  assert.equal((await register('alice', { type: 'm.login.registration_token', token: 'once' })).status, 200)
  assert.equal(await valid('once'), false)
  assert.equal((await register('bob', { type: 'm.login.registration_token', token: 'once' })).status, 401)
})

eachEngine('the first token makes one administrator, and nothing once there is an account', async (t, database) => {
  const { registration, registrationTokens, accounts } = await openPeople(t, database)
  const token = await registrationTokens.firstAdminToken()
  assert.ok(token)
  assert.equal(await registrationTokens.firstAdminToken(), token)
  const both = await Promise.allSettled(
    ['alice', 'bob'].map((username) => registration.register({ username, password: 'correct horse', token })),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const made = both.find((one) => one.status === 'fulfilled')
  assert.ok(made)
  assert.equal((await accounts.find(made.value.userId))?.admin, 1)
  assert.equal(await registrationTokens.firstAdminToken(), undefined)
  assert.equal(await registrationTokens.isValid(token), false)
})
