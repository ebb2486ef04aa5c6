import assert from 'node:assert/strict'

import type { UserId } from '#protocol/identifiers.ts'
import { IdBlocks } from './id-blocks.ts'
import { Interned } from './interned.ts'
import type { Database } from './transaction.ts'

import { eachEngine } from '../../test/databases.ts'

function interned(database: Database): Interned {
  return new Interned({ database, ids: new IdBlocks({ database }) })
}

eachEngine('a user keeps its number, also after a restart', async (_t, database) => {
  const alice = '@alice:example.org' as UserId
  const bob = '@bob:example.org' as UserId
  const before = interned(database)
  const nid = await before.userNid(alice)
  const nids = await interned(database).userNids([alice, bob, alice])
  assert.equal(nids.get(alice), nid)
  assert.equal(nids.size, 2)
  assert.notEqual(nids.get(bob), nid)
  assert.equal(await interned(database).userId(nid), alice)
  assert.deepEqual([...(await interned(database).userIds([nid, 999_999_999])).values()], [alice])
})

eachEngine('looking up an unknown user or key gives it no number', async (_t, database) => {
  const names = interned(database)
  assert.equal(await names.userNidIfKnown('@nobody:example.org' as UserId), undefined)
  assert.equal(await names.keyNidIfKnown('m.room.name', ''), undefined)
  const rows = await database.runInteraction('count', (txn) => txn.all(`SELECT 1 AS one FROM state_keys`))
  assert.deepEqual(rows, [])
})

eachEngine('keys that are asked for together and at the same time get one number each', async (_t, database) => {
  const pairs = [
    { type: 'm.room.member', stateKey: '@alice:example.org' },
    { type: 'm.room.name', stateKey: '' },
    { type: 'a', stateKey: 'bc' },
    { type: 'ab', stateKey: 'c' },
  ]
  const names = interned(database)
  const other = interned(database)
  const [first, second] = await Promise.all([names.keyNids(pairs), other.keyNids([...pairs].reverse())])
  assert.deepEqual(first, second.reverse())
  assert.equal(new Set(first).size, 4)
  assert.equal(await names.keyNid('a', 'bc'), first[2])
  const known = await interned(database).keyNidsIfKnown([...pairs, { type: 'a', stateKey: '' }])
  assert.deepEqual(known, [...first, undefined])
  assert.deepEqual([...(await interned(database).keys(first)).values()].length, 4)
  assert.deepEqual((await interned(database).keys(first)).get(first[3] ?? 0), { type: 'ab', stateKey: 'c' })
})
