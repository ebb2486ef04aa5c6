import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askedBy, askerOf } from '#observability/asker.ts'
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

test('who no longer waits to log in gives up the place, and the work of a check for nobody is shared', async () => {
  const passwords = new Passwords(cheap)
  const gone = new AbortController()
  const asker = askerOf(gone.signal)
  const verifying = askedBy(asker, () => passwords.verify('decoy', undefined))
  const others = passwords.verify('decoy', undefined)
  const flood = Array.from({ length: 190 }, () => askedBy(asker, () => passwords.hash('correct horse')))
  gone.abort(new Error('gone'))
  const ended = await Promise.allSettled(flood)
  assert.ok(ended.filter(({ status }) => status === 'rejected').length >= 188)
  await Promise.allSettled([verifying])
  assert.equal(await others, false)
  assert.match(await passwords.hash('again'), /^\$argon2id\$/)
})

test('a check for nobody does the same work as one for somebody: on a hash of the same cost', async () => {
  const made: string[] = []
  class Watched extends Passwords {
    override async hash(password: string): Promise<string> {
      const phc = await super.hash(password)
      made.push(phc.split('$').slice(0, 4).join('$'))
      return phc
    }
  }
  const passwords = new Watched(cheap)
  assert.equal(await passwords.verify('decoy', undefined), false)
  await passwords.hash('correct horse')
  assert.equal(made.length, 2)
  assert.equal(made[0], made[1])
})
