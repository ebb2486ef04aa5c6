import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import { keyHouse } from '../../test/keys.ts'

const alice = '@alice:here' as UserId
const bob = '@bob:here' as UserId
const carol = '@carol:here' as UserId

eachEngine('a change is told once to whoever has read up to before it', async (_t, db) => {
  const { deviceLists, streams } = await keyHouse(db)
  const start = streams.deviceLists.position
  await deviceLists.changed(alice)
  const one = streams.deviceLists.position
  await deviceLists.changed(bob)
  await deviceLists.changed(alice)
  const end = streams.deviceLists.position
  assert.deepEqual(new Set(await deviceLists.changedUsersSince(start, end)), new Set([alice, bob]))
  assert.deepEqual(new Set(await deviceLists.changedUsersSince(one, end)), new Set([alice, bob]))
  assert.deepEqual(
    new Set(await deviceLists.changedUsersSince(start, one)),
    new Set([alice, bob]),
    'changed again since',
  )
  assert.deepEqual(await deviceLists.changedUsersSince(end, end), [])
  assert.deepEqual(await deviceLists.changedUsersSince(end, 999_999_999), [])
})

eachEngine('a change wakes the user and those who share a room, nobody else', async (_t, db) => {
  const { deviceLists, streams } = await keyHouse(db)
  deviceLists.wakeThoseWho(async (userId) => (userId === alice ? [bob] : []))
  const start = streams.deviceLists.position
  await deviceLists.changed(alice)
  const woken = [alice, bob, carol].map((userId) => streams.deviceLists.userChangedSince(userId, start))
  assert.deepEqual(woken, [true, true, false])
})

eachEngine('work that fails changes nothing and does not hold the stream up', async (_t, db) => {
  const { deviceLists, streams } = await keyHouse(db)
  const start = streams.deviceLists.position
  const work = deviceLists.record('test_failing', alice, () => Promise.reject(new Error('no')))
  await assert.rejects(work, /no/)
  await deviceLists.changed(bob)
  assert.deepEqual(await deviceLists.changedUsersSince(start, streams.deviceLists.position), [bob])
})

eachEngine('changes that commit out of order leave the latest noted', async (_t, db) => {
  const { deviceLists, streams } = await keyHouse(db)
  await Promise.all(Array.from({ length: 5 }, () => deviceLists.changed(alice)))
  const end = streams.deviceLists.position
  assert.deepEqual(await deviceLists.changedUsersSince(end - 1, end), [alice])
})
