import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import {
  firstAdminToken,
  insertRegistrationToken,
  registrationToken,
  useRegistrationToken,
} from './registration-tokens.ts'

const row = { token: 'abc', usesAllowed: 2, expiresTs: 100, makesAdmin: 0, createdTs: 1 } as const

eachEngine('a registration token is used as often as allowed and not after its time', async (_t, database) => {
  await database.runInteraction('registration_tokens', async (txn) => {
    assert.equal(await insertRegistrationToken(txn, row), true)
    assert.equal(await insertRegistrationToken(txn, row), false)
    await insertRegistrationToken(txn, { ...row, token: 'any', usesAllowed: null, expiresTs: null })
    assert.equal(await firstAdminToken(txn), undefined)
    await insertRegistrationToken(txn, { ...row, token: 'admin', makesAdmin: 1 })
    assert.equal((await firstAdminToken(txn))?.token, 'admin')
    assert.equal(await useRegistrationToken(txn, 'abc', 100), false)
    assert.equal(await useRegistrationToken(txn, 'abc', 99), true)
    assert.equal(await useRegistrationToken(txn, 'abc', 99), true)
    assert.equal(await useRegistrationToken(txn, 'abc', 99), false)
    assert.equal(await useRegistrationToken(txn, 'any', 1e12), true)
    assert.equal(await useRegistrationToken(txn, 'none', 1), false)
    assert.equal((await registrationToken(txn, 'abc'))?.uses, 2)
    assert.equal(await useRegistrationToken(txn, 'admin', 1), true)
    assert.equal(await firstAdminToken(txn), undefined)
  })
})
