import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import {
  accessToken,
  confirmRefreshed,
  deleteTokensOfDevices,
  deleteUnusedRefreshed,
  insertAccessToken,
  insertRefreshToken,
  refreshToken,
} from './access-tokens.ts'
import { insertAccount, markDeactivated } from './accounts.ts'

const userId = '@alice:example.org' as UserId
const account = { userId, passwordHash: null, admin: 1, userType: null, createdTs: 1 } as const
const token = { userId, deviceId: 'A', createdTs: 1, refreshedFrom: null }

eachEngine('a token is found by its hash, with what is needed of its account', async (_t, database) => {
  await database.runInteraction('tokens', async (txn) => {
    await insertAccount(txn, account)
    await insertAccessToken(txn, { ...token, tokenHash: 'a1' }, null)
    await insertAccessToken(txn, { ...token, tokenHash: 'b1', deviceId: 'B' }, 77)
    await insertRefreshToken(txn, { ...token, tokenHash: 'rb', deviceId: 'B' })
    assert.deepEqual(await accessToken(txn, 'b1'), {
      userId,
      deviceId: 'B',
      expiresTs: 77,
      refreshedFrom: null,
      admin: 1,
    })
    assert.equal(await accessToken(txn, 'none'), undefined)
    assert.deepEqual(await deleteTokensOfDevices(txn, userId, ['B', 'C']), ['b1'])
    assert.equal(await refreshToken(txn, 'rb'), undefined)
    assert.equal((await accessToken(txn, 'a1'))?.deviceId, 'A')
    await markDeactivated(txn, userId, { now: 3, erased: false })
    assert.equal(await accessToken(txn, 'a1'), undefined)
  })
})

eachEngine('a refresh replaces what was never used, and its first use ends what was before', async (_t, database) => {
  await database.runInteraction('tokens', async (txn) => {
    await insertAccount(txn, account)
    await insertAccessToken(txn, { ...token, tokenHash: 'a1' }, 1)
    await insertRefreshToken(txn, { ...token, tokenHash: 'r1' })
    for (const name of ['2', '3']) {
      const revoked = await deleteUnusedRefreshed(txn, token, 'r1')
      assert.deepEqual(revoked, name === '2' ? [] : ['a2'])
      await insertAccessToken(txn, { ...token, tokenHash: `a${name}`, refreshedFrom: 'r1' }, 1)
      await insertRefreshToken(txn, { ...token, tokenHash: `r${name}`, refreshedFrom: 'r1' })
    }
    assert.equal(await refreshToken(txn, 'r2'), undefined)
    const row = await accessToken(txn, 'a3')
    assert.equal(row?.refreshedFrom, 'r1')
    assert.deepEqual(await confirmRefreshed(txn, 'a3', { ...row, refreshedFrom: 'r1' }), ['a1'])
    assert.equal((await accessToken(txn, 'a3'))?.refreshedFrom, null)
    assert.equal((await refreshToken(txn, 'r3'))?.refreshedFrom, null)
    assert.equal(await refreshToken(txn, 'r1'), undefined)
  })
})
