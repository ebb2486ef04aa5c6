import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Passwords } from './passwords.ts'

const cheap = { memoryKib: 8, passes: 1 }

test('a password fits its own hash and no other, and an account without one fits nothing', async () => {
  const passwords = new Passwords(cheap)
  const phc = await passwords.hash('correct horse')
  assert.match(phc, /^\$argon2id\$v=19\$m=8,t=1,p=1\$/)
  assert.notEqual(await passwords.hash('correct horse'), phc)
  assert.equal(await passwords.verify('correct horse', phc), true)
  assert.equal(await passwords.verify('Correct horse', phc), false)
  assert.equal(await passwords.verify('decoy', null), false)
  assert.equal(await passwords.verify('decoy', undefined), false)
})

test('a flood of logins is cut off, and those that waited are answered', async () => {
  const passwords = new Passwords(cheap)
  const flood = await Promise.allSettled(Array.from({ length: 300 }, () => passwords.hash('correct horse')))
  const done = flood.filter((one) => one.status === 'fulfilled').length
  assert.equal(done, 202)
  const refused = flood.find((one) => one.status === 'rejected')
  assert.equal((refused?.reason as { code: string }).code, 'M_LIMIT_EXCEEDED')
  assert.match(await passwords.hash('again'), /^\$argon2id\$/)
})

test('the time of a check does not tell whether there is an account', async () => {
  const passwords = new Passwords()
  const phc = await passwords.hash('correct horse')
  await passwords.verify('warm up', undefined)
  const took = async (hash: string | undefined): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < 9; i++) {
      const start = performance.now()
      await passwords.verify('wrong', hash)
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)[0] ?? 0
  }
  const [known, unknown] = [await took(phc), await took(undefined)]
  assert.ok(Math.max(known, unknown) < 2 * Math.min(known, unknown), `${known} ms, ${unknown} ms`)
})
