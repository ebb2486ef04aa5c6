import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const base = '/_matrix/client/v3'

eachEngine('a client learns what the server can and cannot do', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const { capabilities } = (await call('GET', `${base}/capabilities`, { token })).body
  assert.equal(capabilities['m.room_versions'].default, '12')
  assert.equal(capabilities['m.room_versions'].available['12'], 'stable')
  assert.equal(capabilities['m.change_password'].enabled, true)
  assert.equal(capabilities['m.get_login_token'].enabled, false)
  assert.deepEqual((await call('GET', `${base}/voip/turnServer`, { token })).body, {})
  assert.deepEqual((await call('GET', `${base}/account/3pid`, { token })).body, { threepids: [] })
  assert.equal((await call('GET', `${base}/capabilities`)).body.errcode, 'M_MISSING_TOKEN')
})
