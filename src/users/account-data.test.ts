import assert from 'node:assert/strict'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import type { Database } from '#storage/transaction.ts'
import { Streams } from '#streams/streams.ts'
import { eachEngine } from '../../test/databases.ts'
import { AccountData } from './account-data.ts'
import { PushRules } from './push-rules.ts'
import { Tags } from './tags.ts'

const alice = '@alice:example.org' as UserId
const room = '!room:example.org' as RoomId

async function house(database: Database): Promise<{ streams: Streams; accountData: AccountData }> {
  const streams = await Streams.open({ database, ids: new IdBlocks({ database }) })
  return { streams, accountData: new AccountData({ database, streams }) }
}

eachEngine('account data changes along its stream and wakes its user', async (_t, database) => {
  const { streams, accountData } = await house(database)
  const start = streams.accountData.position
  await accountData.set(alice, null, 'org.example.a', { n: 1 })
  await accountData.set(alice, room, 'org.example.b', { n: 0.5 })
  const middle = streams.accountData.position
  await accountData.set(alice, null, 'org.example.a', { n: 2 })
  assert.ok(streams.accountData.userChangedSince(alice, middle))
  assert.deepEqual(await accountData.since(alice, start, middle), {
    global: [],
    rooms: new Map([[room, [{ type: 'org.example.b', content: '{"n":0.5}' }]]]),
  })
  const later = await accountData.since(alice, middle, streams.accountData.position)
  assert.deepEqual(later, { global: [{ type: 'org.example.a', content: '{"n":2}' }], rooms: new Map() })
  const all = await accountData.all(alice)
  assert.deepEqual(
    all.global.map(({ type }) => type),
    ['m.push_rules', 'org.example.a'],
  )
  assert.equal(await accountData.get(alice, room, 'org.example.a'), undefined)
  await accountData.erase(alice)
  assert.equal((await accountData.all(alice)).global.length, 1)
})

eachEngine('account data that is too much is refused and nothing is written', async (_t, database) => {
  const { accountData } = await house(database)
  await assert.rejects(accountData.set(alice, null, 'big', { text: 'x'.repeat(1_048_577) }), { code: 'M_TOO_LARGE' })
  await assert.rejects(accountData.set(alice, null, 't'.repeat(256), {}), { code: 'M_INVALID_PARAM' })
  await assert.rejects(accountData.set(alice, null, 'a\0b', {}), { code: 'M_INVALID_PARAM' })
  assert.equal(await accountData.get(alice, null, 'a\0b'), undefined)
  assert.equal((await accountData.all(alice)).global.length, 1)
})

eachEngine('tags put on a room side by side are all kept', async (_t, database) => {
  const { accountData } = await house(database)
  const tags = new Tags({ accountData })
  const names = Array.from({ length: 8 }, (_, at) => `u.tag${at}`)
  await Promise.all(names.map((name) => tags.set(alice, room, name, { order: 0.5 })))
  assert.deepEqual(Object.keys(await tags.of(alice, room)).sort(), names)
  await Promise.all(names.slice(1).map((name) => tags.remove(alice, room, name)))
  assert.deepEqual(await tags.of(alice, room), { 'u.tag0': { order: 0.5 } })
})

eachEngine('push rules show a change at once, and reach account data and its stream', async (_t, database) => {
  const { streams, accountData } = await house(database)
  const pushRules = new PushRules({ accountData, streams })
  const before = streams.accountData.position
  assert.equal((await pushRules.of(alice)).global.content.length, 0)
  await pushRules.put({ userId: alice, kind: 'content', ruleId: 'tea' }, { actions: ['notify'], pattern: 'tea' }, {})
  assert.equal((await pushRules.of(alice)).global.content[0]?.pattern, 'tea')
  const changes = await accountData.since(alice, before, streams.accountData.position)
  assert.deepEqual(
    changes.global.map(({ type }) => type),
    ['m.push_rules'],
  )
  assert.deepEqual(JSON.parse(changes.global[0]?.content ?? ''), await pushRules.of(alice))
  assert.deepEqual(JSON.parse((await accountData.get(alice, null, 'm.push_rules')) ?? ''), await pushRules.of(alice))
})
