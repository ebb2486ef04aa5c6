import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { UiAuth, type UiAuthOutcome, type UiAuthStage } from './ui-auth.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId
const flows = [
  ['first', 'second'],
  ['first', 'other'],
]

class HeldClock implements Clock {
  time = 0
  now(): number {
    return this.time
  }
  monotonic(): number {
    return this.time
  }
}

function stage(type: string): UiAuthStage {
  return {
    type,
    async check(auth) {
      if (auth['secret'] !== 'right') throw new MatrixError('M_FORBIDDEN', 'Wrong secret.')
      return `${type} is right`
    },
  }
}

interface Asked {
  readonly auth?: JsonObject
  readonly body?: JsonObject
  readonly userId?: UserId
  readonly operation?: string
}

function house(): { ask: (asked?: Asked) => Promise<UiAuthOutcome>; clock: HeldClock } {
  const clock = new HeldClock()
  const uiAuth = new UiAuth({ clock, stages: [stage('first'), stage('second'), stage('other')] })
  const ask = ({
    auth,
    body = { what: 1 },
    userId = alice,
    operation = 'POST /it',
  }: Asked = {}): Promise<UiAuthOutcome> =>
    uiAuth.require({ operation, userId, flows, body: auth === undefined ? body : { ...body, auth } })
  return { ask, clock }
}

function refused(outcome: UiAuthOutcome): JsonObject {
  assert.equal(outcome.complete, false)
  return outcome.body
}

const right = { secret: 'right' }

test('stages are taken in the order of a flow, and what they found is handed on', async () => {
  const { ask } = house()
  const opened = refused(await ask())
  assert.deepEqual(opened['completed'], [])
  assert.deepEqual(opened['flows'], [{ stages: ['first', 'second'] }, { stages: ['first', 'other'] }])
  const session = opened['session'] as string
  const tooEarly = refused(await ask({ auth: { type: 'second', session, ...right } }))
  assert.equal(tooEarly['errcode'], 'M_UNRECOGNIZED')
  const wrong = refused(await ask({ auth: { type: 'first', session } }))
  assert.deepEqual([wrong['errcode'], wrong['completed'], wrong['session']], ['M_FORBIDDEN', [], session])
  const half = refused(await ask({ auth: { type: 'first', session, ...right } }))
  assert.deepEqual([half['errcode'], half['completed']], [undefined, ['first']])
  const status = refused(await ask({ auth: { session } }))
  assert.deepEqual(status['completed'], ['first'])
  const done = await ask({ auth: { type: 'other', session, ...right } })
  assert.ok(done.complete)
  assert.equal(done.results.get('other'), 'other is right')
  const retried = await ask({ auth: { type: 'other', session } })
  assert.ok(retried.complete)
})

test('a request without any auth never succeeds, not even after one that did', async () => {
  const { ask } = house()
  const session = refused(await ask({ auth: { type: 'first', ...right } }))['session'] as string
  assert.ok((await ask({ auth: { type: 'second', session, ...right } })).complete)
  refused(await ask())
  refused(await ask({ auth: {} }))
})

test('what was confirmed for one body, operation or user is good for no other', async () => {
  const { ask } = house()
  const opened = refused(await ask({ body: {} }))['session'] as string
  const session = refused(await ask({ auth: { type: 'first', session: opened, ...right } }))['session'] as string
  assert.equal(session, opened)
  const last = { type: 'second', session, ...right }
  for (const other of [{ body: { what: 2 } }, { operation: 'POST /other' }, { userId: bob }]) {
    const body = refused(await ask({ auth: last, ...other }))
    assert.equal(body['errcode'], 'M_UNAUTHORIZED')
    assert.notEqual(body['session'], session)
  }
  assert.ok((await ask({ auth: last })).complete)
  refused(await ask({ auth: { session }, body: { what: 2 } }))
})

test('the order of keys in a body does not matter', async () => {
  const { ask } = house()
  const session = refused(await ask({ auth: { type: 'first', ...right }, body: { a: 1, b: 2.5 } }))['session'] as string
  assert.ok((await ask({ auth: { type: 'second', session, ...right }, body: { b: 2.5, a: 1 } })).complete)
})

test('a session is forgotten after its time, and auth must be an object', async () => {
  const { ask, clock } = house()
  const session = refused(await ask({ auth: { type: 'first', ...right } }))['session'] as string
  clock.time += 15 * 60 * 1000
  const late = refused(await ask({ auth: { type: 'second', session, ...right } }))
  assert.equal(late['errcode'], 'M_UNAUTHORIZED')
  assert.deepEqual(late['completed'], [])
  await assert.rejects(ask({ auth: 'me' as unknown as JsonObject }), { code: 'M_BAD_JSON' })
  for (const auth of [{ type: 7 }, { type: 'constructor' }, { session: 7 }, { type: 'first', session: 'none' }])
    refused(await ask({ auth }))
})
