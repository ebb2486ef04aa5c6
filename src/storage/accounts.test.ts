import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import { accountsByIds, anyAccount, insertAccount, markDeactivated, updatePasswordHash } from './accounts.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId
const row = { userId: alice, passwordHash: 'phc', admin: 1, userType: 'bot', createdTs: 5 } as const

eachEngine('an account is kept once, found with others, and ended once', async (_t, database) => {
  await database.runInteraction('accounts', async (txn) => {
    assert.equal(await anyAccount(txn), false)
    assert.equal(await insertAccount(txn, row), true)
    assert.equal(await insertAccount(txn, { ...row, passwordHash: 'other' }), false)
    assert.equal(await insertAccount(txn, { ...row, userId: bob, passwordHash: null, admin: 0, userType: null }), true)
    assert.equal(await anyAccount(txn), true)
    assert.deepEqual(await accountsByIds(txn, [alice, '@none:example.org']), [
      { ...row, deactivatedTs: null, erased: 0 },
    ])
    assert.equal((await accountsByIds(txn, [alice, bob])).length, 2)
    assert.deepEqual(await accountsByIds(txn, []), [])
    assert.equal(await updatePasswordHash(txn, bob, 'new'), true)
    await markDeactivated(txn, bob, { now: 9, erased: false })
    await markDeactivated(txn, bob, { now: 10, erased: true })
    await markDeactivated(txn, bob, { now: 11, erased: false })
    assert.equal(await updatePasswordHash(txn, bob, 'again'), false)
    const [ended] = await accountsByIds(txn, [bob])
    assert.deepEqual([ended?.deactivatedTs, ended?.erased, ended?.passwordHash], [9, 1, null])
  })
})
