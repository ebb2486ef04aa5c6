import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople, type Answered, type People } from '../../../test/people.ts'

const base = '/_matrix/client/v3'
const auth = { type: 'm.login.password', user: 'alice', password: 'correct horse' }

function logIn({ call }: People, password: string): Promise<Answered> {
  return call('POST', `${base}/login`, { body: { type: 'm.login.password', user: 'alice', password } })
}

eachEngine(
  'a new password replaces the old one and ends the other sessions, unless told not to',
  async (t, database) => {
    const people = await openPeople(t, database)
    const { call, person } = people
    const { token } = await person('alice')
    const other = (await logIn(people, 'correct horse')).body.access_token
    const change = (body: object): Promise<Answered> => call('POST', `${base}/account/password`, { token, body })
    assert.equal((await change({ new_password: 'battery staple' })).status, 401)
    assert.equal((await change({ new_password: 'short', auth })).body.errcode, 'M_WEAK_PASSWORD')
    assert.equal((await change({ auth })).body.errcode, 'M_MISSING_PARAM')
    assert.equal((await change({ new_password: 'battery staple', auth, logout_devices: false })).status, 200)
    assert.equal((await call('GET', `${base}/account/whoami`, { token: other })).status, 200)
    assert.equal((await logIn(people, 'correct horse')).status, 403)
    const newAuth = { ...auth, password: 'battery staple' }
    assert.equal((await change({ new_password: 'correct horse', auth: newAuth })).status, 200)
    assert.equal((await call('GET', `${base}/account/whoami`, { token: other })).status, 401)
    assert.equal((await call('GET', `${base}/account/whoami`, { token })).status, 200)
    assert.equal((await logIn(people, 'correct horse')).status, 200)
  },
)

eachEngine('an account that is deactivated is gone for everyone and its name stays taken', async (t, database) => {
  const people = await openPeople(t, database)
  const { call, person, accountDeactivation, accounts } = people
  const { token, userId } = await person('alice')
  await call('PUT', `${base}/profile/${userId}/displayname`, { token, body: { displayname: 'Alice' } })
  const told: string[] = []
  accountDeactivation.onDeactivated(async (requester) => void told.push(requester.userId))
  assert.equal((await call('POST', `${base}/account/deactivate`, { token })).status, 401)
  assert.equal(
    (await call('POST', `${base}/account/deactivate`, { token, body: { erase: 'yes' } })).body.errcode,
    'M_BAD_JSON',
  )
  const done = await call('POST', `${base}/account/deactivate`, { token, body: { auth, erase: true } })
  assert.deepEqual(done.body, { id_server_unbind_result: 'success' })
  assert.deepEqual(told, [userId])
  assert.equal((await call('GET', `${base}/account/whoami`, { token })).body.errcode, 'M_UNKNOWN_TOKEN')
  assert.equal((await logIn(people, 'correct horse')).status, 403)
  assert.equal((await call('GET', `${base}/profile/${userId}`)).status, 404)
  assert.equal((await call('GET', `${base}/register/available?username=alice`)).body.errcode, 'M_USER_IN_USE')
  assert.equal((await accounts.active([userId as never])).size, 0)
})
