import assert from 'node:assert/strict'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import {
  accountData,
  accountDataBetween,
  allAccountData,
  countAccountData,
  deleteAccountData,
  setAccountData,
} from './account-data.ts'
import { countFilters, filterDefinition, insertFilter } from './filters.ts'

const userId = '@alice:example.org' as UserId
const room = '!r:example.org' as RoomId

eachEngine('account data moves along with its last change', async (_t, database) => {
  await database.runInteraction('account_data', async (txn) => {
    await setAccountData(txn, userId, { roomId: '', type: 'a', content: '1', position: 1 })
    await setAccountData(txn, userId, { roomId: room, type: 'a', content: '2', position: 2 })
    await setAccountData(txn, userId, { roomId: '', type: 'a', content: '3', position: 3 })
    assert.equal(await accountData(txn, userId, '', 'a'), '3')
    assert.equal(await accountData(txn, userId, room, 'a'), '2')
    assert.equal(await accountData(txn, userId, room, 'b'), undefined)
    const both = [
      { roomId: room, type: 'a', content: '2' },
      { roomId: '', type: 'a', content: '3' },
    ]
    assert.deepEqual(await allAccountData(txn, userId), both)
    assert.deepEqual(await accountDataBetween(txn, userId, 1, 3), both)
    assert.deepEqual(await accountDataBetween(txn, userId, 2, 3), both.slice(1))
    assert.deepEqual(await accountDataBetween(txn, userId, 0, 1), [])
    assert.equal(await countAccountData(txn, userId), 2)
    await deleteAccountData(txn, userId)
    assert.equal(await countAccountData(txn, userId), 0)
  })
})

eachEngine('a filter id stands for one definition', async (_t, database) => {
  await database.runInteraction('filters', async (txn) => {
    await insertFilter(txn, userId, 'one', '{}')
    await insertFilter(txn, userId, 'one', '{"other":1}')
    assert.equal(await filterDefinition(txn, userId, 'one'), '{}')
    assert.equal(await filterDefinition(txn, userId, 'two'), undefined)
    assert.equal(await countFilters(txn, userId), 1)
  })
})
