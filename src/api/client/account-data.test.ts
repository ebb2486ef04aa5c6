import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const base = '/_matrix/client/v3/user/@alice:example.org'
const room = `${base}/rooms/!r:example.org`

eachEngine('account data is kept as written, for the account and for a room', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const content = { a: [1, 2.5, null], b: { c: '\u0000 “”' } }
  for (const path of [`${base}/account_data/org.example`, `${room}/account_data/org.example`]) {
    assert.deepEqual((await call('GET', path, { token })).body.errcode, 'M_NOT_FOUND')
    assert.deepEqual((await call('PUT', path, { token, body: content })).body, {})
    assert.deepEqual((await call('GET', path, { token })).body, content)
    assert.deepEqual((await call('PUT', path, { token, body: {} })).body, {})
    assert.deepEqual((await call('GET', path, { token })).body, {})
  }
})

eachEngine('bad account data is refused, each with its code', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const bob = await person('bob')
  const cases: [string, unknown, number, string][] = [
    [`${base}/account_data/m.push_rules`, {}, 405, 'M_BAD_JSON'],
    [`${base}/account_data/m.fully_read`, {}, 405, 'M_BAD_JSON'],
    [`${room}/account_data/m.fully_read`, {}, 405, 'M_BAD_JSON'],
    [`${room}/account_data/m.push_rules`, {}, 405, 'M_BAD_JSON'],
    [`${base}/account_data/x`, [], 400, 'M_BAD_JSON'],
    [`${base}/account_data/x`, '"text"', 400, 'M_BAD_JSON'],
    [`${base}/account_data/x`, 'text', 400, 'M_NOT_JSON'],
    [`${base}/account_data/x`, `${'[{"a":'.repeat(400)}1${'}]'.repeat(400)}`, 400, 'M_BAD_JSON'],
    [`${base}/account_data/a%00b`, {}, 400, 'M_INVALID_PARAM'],
    [`${base}/account_data/${'x'.repeat(256)}`, {}, 400, 'M_INVALID_PARAM'],
    [`${base}/rooms/nonsense/account_data/x`, {}, 400, 'M_INVALID_PARAM'],
    ['/_matrix/client/v3/user/alice/account_data/x', {}, 400, 'M_INVALID_PARAM'],
    ['/_matrix/client/v3/user/@bob:example.org/account_data/x', {}, 403, 'M_FORBIDDEN'],
  ]
  for (const [path, body, status, errcode] of cases) {
    const answer = await call('PUT', path, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], path)
  }
  assert.equal((await call('GET', `${base}/account_data/x`, { token: bob.token })).body.errcode, 'M_FORBIDDEN')
  assert.equal((await call('GET', `${base}/account_data/a%00b`, { token })).body.errcode, 'M_NOT_FOUND')
  const rules = await call('GET', `${base}/account_data/m.push_rules`, { token })
  assert.equal(rules.body.global.override[0].rule_id, '.m.rule.master')
})

eachEngine('tags are put on, changed and taken off', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  assert.deepEqual((await call('GET', `${room}/tags`, { token })).body, { tags: {} })
  assert.equal((await call('PUT', `${room}/tags/m.favourite`, { token, body: { order: 0.25 } })).status, 200)
  assert.equal((await call('PUT', `${room}/tags/u.Work%2FHome`, { token, body: {} })).status, 200)
  assert.equal((await call('PUT', `${room}/tags/__proto__`, { token, body: {} })).status, 200)
  const { tags } = (await call('GET', `${room}/tags`, { token })).body
  assert.deepEqual(Object.keys(tags).sort(), ['__proto__', 'm.favourite', 'u.Work/Home'])
  assert.deepEqual(tags['m.favourite'], { order: 0.25 })
  const synced = await call('GET', `${room}/account_data/m.tag`, { token })
  assert.deepEqual(synced.body.tags['m.favourite'], { order: 0.25 })
  assert.equal((await call('DELETE', `${room}/tags/m.favourite`, { token })).status, 200)
  assert.equal((await call('DELETE', `${room}/tags/m.favourite`, { token })).status, 200)
  assert.equal('m.favourite' in (await call('GET', `${room}/tags`, { token })).body.tags, false)
  assert.equal(
    (await call('PUT', `${room}/tags/${'x'.repeat(256)}`, { token, body: {} })).body.errcode,
    'M_INVALID_PARAM',
  )
  assert.equal((await call('PUT', `${room}/tags/x`, { token, body: { order: '1' } })).body.errcode, 'M_BAD_JSON')
  assert.equal((await call('GET', `${base}/rooms/r/tags`, { token })).body.errcode, 'M_INVALID_PARAM')
})
