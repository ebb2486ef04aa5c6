import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople, type Answered, type People } from '../../../test/people.ts'

const path = '/_synapse/admin/v1/register'
const registration = { mode: 'closed', sharedSecret: 'our secret' } as const

function signed(fields: readonly string[], secret = 'our secret'): string {
  return createHmac('sha1', secret).update(fields.join('\0')).digest('hex')
}

async function register(
  { call }: People,
  body: object,
  macFields: readonly string[],
  secret?: string,
): Promise<Answered> {
  const { nonce } = (await call('GET', path)).body
  return call('POST', path, { body: { ...body, nonce, mac: signed([nonce, ...macFields], secret) } })
}

eachEngine('a script that knows the secret makes users, administrators and bots', async (t, database) => {
  const people = await openPeople(t, database, { registration })
  const user = { username: 'alice', password: 'pw' }
  const alice = await register(people, user, ['alice', 'pw', 'notadmin'])
  assert.equal(alice.status, 200)
  assert.deepEqual(Object.keys(alice.body).sort(), ['access_token', 'device_id', 'home_server', 'user_id'])
  const { call, accounts } = people
  const who = await call('GET', '/_matrix/client/v3/account/whoami', { token: alice.body.access_token })
  assert.equal(who.body.user_id, '@alice:example.org')
  await register(people, { ...user, username: 'root', admin: true }, ['root', 'pw', 'admin'])
  await register(people, { ...user, username: 'robot', user_type: 'bot' }, ['robot', 'pw', 'notadmin', 'bot'])
  const find = (userId: string): ReturnType<typeof accounts.find> =>
    accounts.find(userId as Parameters<typeof accounts.find>[0])
  assert.equal((await find('@root:example.org'))?.admin, 1)
  assert.equal((await find('@robot:example.org'))?.userType, 'bot')
  assert.equal((await find('@alice:example.org'))?.admin, 0)
})

eachEngine('a wrong secret, a used nonce and bad fields are refused', async (t, database) => {
  const people = await openPeople(t, database, { registration })
  const { call } = people
  const user = { username: 'alice', password: 'pw' }
  const fields = ['alice', 'pw', 'notadmin']
  assert.equal((await register(people, user, fields, 'another secret')).body.errcode, 'M_FORBIDDEN')
  assert.equal((await register(people, { ...user, admin: true }, fields)).body.errcode, 'M_FORBIDDEN')
  assert.equal((await register(people, { ...user, user_type: 'king' }, fields)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await register(people, { ...user, password: 'p\0w' }, fields)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await register(people, { ...user, username: 'a\0' }, fields)).body.errcode, 'M_INVALID_PARAM')
  assert.equal(
    (await register(people, { ...user, username: 'Å' }, ['Å', 'pw', 'notadmin'])).body.errcode,
    'M_INVALID_USERNAME',
  )
  const { nonce } = (await call('GET', path)).body
  const body = { ...user, nonce, mac: signed([nonce, ...fields]) }
  assert.equal((await call('POST', path, { body })).status, 200)
  assert.deepEqual((await call('POST', path, { body })).status, 400)
  assert.equal((await register(people, user, fields)).body.errcode, 'M_USER_IN_USE')
  assert.equal((await call('POST', path, { body: user })).body.errcode, 'M_MISSING_PARAM')
})

eachEngine('without a secret in the configuration this way is closed', async (t, database) => {
  const { call } = await openPeople(t, database)
  assert.deepEqual([(await call('GET', path)).status, (await call('GET', path)).body.errcode], [400, 'M_UNKNOWN'])
  const body = { nonce: 'x', username: 'alice', password: 'pw', mac: signed(['x', 'alice', 'pw', 'notadmin'], '') }
  assert.equal((await call('POST', path, { body })).status, 400)
})
