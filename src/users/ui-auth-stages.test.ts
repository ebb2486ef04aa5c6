import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { AccountRow } from '#storage/accounts.ts'
import { passwordStage, registrationTokenStage } from './ui-auth-stages.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId

class HeldClock implements Clock {
  time = 0
  now(): number {
    return this.time
  }
  monotonic(): number {
    return this.time
  }
}

const accounts = {
  authenticate: (user: string, password: string): Promise<AccountRow> =>
    password === `${user}'s password`
      ? Promise.resolve({ userId: user } as AccountRow)
      : Promise.reject(new MatrixError('M_FORBIDDEN', 'wrong')),
}

test('a password proves the requester and nobody else, with or without an identifier', async () => {
  const stage = passwordStage(accounts, new HeldClock())
  const password = `${alice}'s password`
  assert.equal(await stage.check({ password }, alice), alice)
  assert.equal(await stage.check({ password, user: alice }, alice), alice)
  assert.equal(await stage.check({ password, identifier: { type: 'm.id.user', user: alice } }, alice), alice)
  await assert.rejects(stage.check({ password, user: alice }, bob), { code: 'M_FORBIDDEN' })
  await assert.rejects(stage.check({ password }, undefined), { code: 'M_FORBIDDEN' })
  await assert.rejects(stage.check({}, alice), { code: 'M_MISSING_PARAM' })
  for (const identifier of [{ type: 'm.id.thirdparty' }, { type: 'm.id.user' }, { type: 'm.id.phone', user: alice }])
    await assert.rejects(stage.check({ password, identifier }, alice), { code: 'M_FORBIDDEN' })
})

test('whoever holds only a token cannot find the password by trying', async () => {
  const clock = new HeldClock()
  const stage = passwordStage(accounts, clock)
  const right = { password: `${alice}'s password` }
  const flood = await Promise.allSettled(Array.from({ length: 12 }, () => stage.check({ password: 'guess' }, alice)))
  const codes = flood.map((one) => (one.status === 'rejected' ? (one.reason as MatrixError).code : undefined))
  assert.deepEqual([codes.filter((code) => code === 'M_FORBIDDEN').length, codes.at(-1)], [10, 'M_LIMIT_EXCEEDED'])
  await assert.rejects(stage.check(right, alice), { code: 'M_LIMIT_EXCEEDED', extra: { retry_after_ms: 600_000 } })
  assert.equal(await stage.check({ password: `${bob}'s password` }, bob), bob)
  clock.time += 600_000
  assert.equal(await stage.check(right, alice), alice)
})

test('a registration token must be there and be good', async () => {
  const stage = registrationTokenStage({ isValid: (token) => Promise.resolve(token === 'good') })
  assert.equal(await stage.check({ token: 'good' }, undefined), 'good')
  await assert.rejects(stage.check({ token: 'bad' }, undefined), { code: 'M_UNAUTHORIZED' })
  await assert.rejects(stage.check({ token: 7 }, undefined), { code: 'M_MISSING_PARAM' })
})
