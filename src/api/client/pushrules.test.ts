import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople, type Answered } from '../../../test/people.ts'

const base = '/_matrix/client/v3/pushrules'

function ids(answer: Answered): string[] {
  return answer.body.map((rule: { rule_id: string }) => rule.rule_id)
}

eachEngine('own rules go before those of everyone, in the order that was asked for', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const put = (rule: string, query = ''): Promise<Answered> =>
    call('PUT', `${base}/global/override/${rule}${query}`, { token, body: { actions: ['notify'], conditions: [] } })
  const order = async (): Promise<string[]> =>
    (await call('GET', `${base}/global/`, { token })).body.override.map((rule: { rule_id: string }) => rule.rule_id)
  for (const rule of ['a', 'b', 'c']) assert.equal((await put(rule)).status, 200)
  assert.deepEqual((await order()).slice(0, 5), ['.m.rule.master', 'c', 'b', 'a', '.m.rule.suppress_notices'])
  await put('a', '?before=b')
  assert.deepEqual((await order()).slice(1, 4), ['c', 'a', 'b'])
  await put('d', '?after=a')
  assert.deepEqual((await order()).slice(1, 5), ['c', 'a', 'd', 'b'])
  await put('c', '?after=c2&before=b')
  assert.deepEqual((await order()).slice(1, 5), ['a', 'd', 'c', 'b'])
  await put('d')
  assert.deepEqual((await order()).slice(1, 5), ['a', 'd', 'c', 'b'])
  for (const query of ['?before=nothing', '?after=.m.rule.master', '?before=']) {
    const refused = await put('e', query)
    assert.deepEqual([refused.status, refused.body.errcode], [400, 'M_UNKNOWN'], query)
  }
  assert.equal((await call('DELETE', `${base}/global/override/d`, { token })).status, 200)
  assert.equal((await call('DELETE', `${base}/global/override/d`, { token })).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('DELETE', `${base}/global/override/.m.rule.master`, { token })).status, 404)
  const whole = await call('GET', `${base}/`, { token })
  assert.deepEqual(ids({ status: 200, body: whole.body.global.override }).slice(1, 4), ['a', 'c', 'b'])
})

eachEngine('every kind of rule can be written, read, disabled and given other actions', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const rules: [string, string, object, object][] = [
    ['override', 'mine', { conditions: [{ kind: 'event_match', key: 'type', pattern: 'x' }] }, {}],
    ['underride', 'mine', {}, { conditions: [] }],
    ['content', 'tea time', { pattern: 'tea*' }, {}],
    ['room', '!r:example.org', {}, {}],
    ['sender', '@bob:example.org', {}, {}],
  ]
  const tweaked = ['notify', { set_tweak: 'sound', value: 'default' }]
  for (const [kind, id, rule, added] of rules) {
    const path = `${base}/global/${kind}/${encodeURIComponent(id)}`
    const written = { ...rule, actions: ['dont_notify', ...tweaked, 'coalesce'] }
    assert.equal((await call('PUT', path, { token, body: written })).status, 200)
    const read = await call('GET', path, { token })
    assert.deepEqual(read.body, { rule_id: id, default: false, enabled: true, actions: tweaked, ...rule, ...added })
    assert.equal((await call('PUT', `${path}/enabled`, { token, body: { enabled: false } })).status, 200)
    assert.equal((await call('PUT', `${path}/actions`, { token, body: { actions: ['notify'] } })).status, 200)
    assert.equal((await call('PUT', path, { token, body: { ...rule, actions: [] } })).status, 200)
    assert.deepEqual((await call('GET', `${path}/enabled`, { token })).body, { enabled: false })
    assert.deepEqual((await call('GET', `${path}/actions`, { token })).body, { actions: [] })
  }
})

eachEngine('rules of everyone can be enabled and given other actions, for one user alone', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const bob = await person('bob')
  const master = `${base}/global/override/.m.rule.master`
  await call('PUT', `${master}/enabled`, { token, body: { enabled: true } })
  const message = `${base}/global/underride/.m.rule.message`
  await call('PUT', `${message}/actions`, { token, body: { actions: [] } })
  assert.equal((await call('GET', master, { token })).body.enabled, true)
  assert.deepEqual((await call('GET', message, { token })).body.actions, [])
  assert.equal((await call('GET', master, { token: bob.token })).body.enabled, false)
  assert.deepEqual((await call('GET', message, { token: bob.token })).body.actions, ['notify'])
})

eachEngine('bad rules are refused, each with its code', async (t, database) => {
  const { call, person } = await openPeople(t, database)
  const { token } = await person('alice')
  const actions = ['notify']
  const cases: [string, unknown, number, string][] = [
    ['override/.mine', { actions }, 400, 'M_INVALID_PARAM'],
    ['override/a%2Fb', { actions }, 400, 'M_INVALID_PARAM'],
    ['override/a%5Cb', { actions }, 400, 'M_INVALID_PARAM'],
    ['override/a%00b', { actions }, 400, 'M_INVALID_PARAM'],
    [`override/${'x'.repeat(256)}`, { actions }, 400, 'M_INVALID_PARAM'],
    ['postcontent/mine', { actions }, 400, 'M_INVALID_PARAM'],
    ['toString/mine', { actions }, 400, 'M_INVALID_PARAM'],
    ['override/mine', {}, 400, 'M_MISSING_PARAM'],
    ['override/mine', { actions: 'notify' }, 400, 'M_BAD_JSON'],
    ['override/mine', { actions: [7] }, 400, 'M_INVALID_PARAM'],
    ['override/mine', { actions: [{ tweak: 1 }] }, 400, 'M_INVALID_PARAM'],
    ['override/mine', { actions, conditions: ['x'] }, 400, 'M_INVALID_PARAM'],
    ['content/mine', { actions }, 400, 'M_MISSING_PARAM'],
    ['content/mine', { actions, pattern: 7 }, 400, 'M_BAD_JSON'],
    ['room/nonsense', { actions }, 400, 'M_INVALID_PARAM'],
    ['sender/nobody', { actions }, 400, 'M_INVALID_PARAM'],
    ['override/none/enabled', { enabled: true }, 404, 'M_NOT_FOUND'],
    ['override/.m.rule.master/enabled', { enabled: 'yes' }, 400, 'M_BAD_JSON'],
    ['override/none/actions', { actions }, 404, 'M_NOT_FOUND'],
    ['underride/.m.rule.master/enabled', { enabled: true }, 404, 'M_NOT_FOUND'],
  ]
  for (const [path, body, status, errcode] of cases) {
    const answer = await call('PUT', `${base}/global/${path}`, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], `${path} ${JSON.stringify(body)}`)
  }
  assert.equal((await call('GET', `${base}/global/override/none`, { token })).body.errcode, 'M_NOT_FOUND')
  assert.equal((await call('GET', `${base}/global/override/none/actions`, { token })).body.errcode, 'M_NOT_FOUND')
})
