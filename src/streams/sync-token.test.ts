import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '#protocol/errors.ts'
import { parseSyncToken, printSyncToken } from './sync-token.ts'

test('a token is read as it was written', () => {
  const token = { events: 12, accountData: 3, receipts: 4, toDevice: 5, deviceLists: 6, typing: 7 }
  assert.equal(printSyncToken(token), 's1.e12.a3.r4.t5.d6.y7')
  assert.deepEqual(parseSyncToken('s1.e12.a3.r4.t5.d6.y7'), token)
})

test('a stream that is younger than the token is read from its start', () => {
  assert.equal(parseSyncToken('s1.e12').typing, 0)
})

test('a foreign token is refused', () => {
  for (const text of [
    '',
    's72594_4483_1934',
    's1',
    's1.a3',
    's2.e1',
    's1.e0',
    's1.e-1',
    's1.e1.',
    `s1.e${'9'.repeat(300)}`,
  ]) {
    assert.throws(
      () => parseSyncToken(text),
      (error) => error instanceof MatrixError && error.code === 'M_INVALID_PARAM',
    )
  }
})
