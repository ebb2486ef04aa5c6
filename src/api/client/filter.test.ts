import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const path = '/_matrix/client/v3/user/@alice:example.org/filter'

eachEngine('a filter is kept under one id however often it is made', async (t, database) => {
  const { call, person, filters } = await openPeople(t, database)
  const { token, userId } = await person('alice')
  const bob = await person('bob')
  const filter = { room: { timeline: { limit: 10, types: ['m.room.*'] } }, 'org.example.own': 0.5 }
  const first = await call('POST', path, { token, body: filter })
  assert.equal(first.status, 200)
  assert.match(first.body.filter_id, /^[A-Za-z0-9_-]{22}$/)
  const again = await call('POST', path, { token, body: { 'org.example.own': 0.5, room: filter.room } })
  assert.equal(again.body.filter_id, first.body.filter_id)
  assert.deepEqual((await call('GET', `${path}/${first.body.filter_id}`, { token })).body, filter)
  const typed = await filters.get(userId as Parameters<typeof filters.get>[0], first.body.filter_id)
  assert.equal(typed.room.timeline.limit, 10)
  const foreign = `/_matrix/client/v3/user/@bob:example.org/filter/${first.body.filter_id}`
  assert.equal((await call('GET', foreign, { token: bob.token })).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('GET', foreign, { token })).body.errcode, 'M_FORBIDDEN')
})

eachEngine('bad filters are refused, each with its code', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const cases: [unknown, number, string][] = [
    [[], 400, 'M_BAD_JSON'],
    [{ room: 7 }, 400, 'M_INVALID_PARAM'],
    [{ room: { timeline: { limit: 'ten' } } }, 400, 'M_INVALID_PARAM'],
    [{ room: { rooms: ['nonsense', 7] } }, 400, 'M_INVALID_PARAM'],
    [{ note: 'x'.repeat(65_536) }, 413, 'M_TOO_LARGE'],
  ]
  for (const [body, status, errcode] of cases) {
    const answer = await call('POST', path, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body).slice(0, 80))
  }
  assert.equal((await call('GET', `${path}/nothing`, { token })).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('GET', `${path}/a%00b`, { token })).body.errcode, 'M_NOT_FOUND')
})
