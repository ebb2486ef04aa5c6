import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import { someone } from '../../test/rooms-floor.ts'
import { openSyncFloor, type SyncFloor } from '../../test/sync-floor.ts'
import { KeyChanges } from './key-changes.ts'

const alice = someone('alice')
const bob = someone('bob')
const carol = someone('carol')

/** Asks for the changes from one token to another, the users sorted. */
async function changes(floor: SyncFloor, from: string, to = from) {
  const { changed, left } = await new KeyChanges(floor).between(alice, { from, to }, new AbortController().signal)
  return { changed: changed.toSorted(), left: left.toSorted() }
}

async function aRoom(floor: SyncFloor) {
  const roomId = await floor.createRoom.create(alice, { preset: 'public_chat' })
  return floor.knownRooms.require(roomId)
}

eachEngine('changes are of those who share a room, and of oneself', async (_t, database) => {
  const floor = await openSyncFloor(database)
  await floor.membership.join({ requester: bob, room: await aRoom(floor) })
  const { next_batch: from } = await floor.answer(alice)
  assert.deepEqual(await changes(floor, from), { changed: [], left: [] })
  await floor.deviceLists.changed(bob.userId)
  await floor.deviceLists.changed(carol.userId)
  assert.deepEqual(await changes(floor, from), { changed: [bob.userId], left: [] })
  await floor.deviceLists.changed(alice.userId)
  assert.deepEqual(await changes(floor, from), { changed: [alice.userId, bob.userId], left: [] })
  const { next_batch: to } = await floor.answer(alice, { since: from })
  assert.deepEqual(await changes(floor, to), { changed: [], left: [] })
})

eachEngine('who comes has changed keys, who is gone from the last shared room is left', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const other = await aRoom(floor)
  for (const each of [room, other]) await floor.membership.join({ requester: bob, room: each })
  const { next_batch: from } = await floor.answer(alice)
  await floor.membership.join({ requester: carol, room })
  await floor.membership.leave({ requester: bob, room })
  assert.deepEqual(await changes(floor, from), { changed: [carol.userId], left: [] })
  await floor.membership.leave({ requester: bob, room: other })
  assert.deepEqual(await changes(floor, from), { changed: [carol.userId], left: [bob.userId] })
})

eachEngine('tokens that are not ours are refused', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const { next_batch: token } = await floor.answer(alice)
  await assert.rejects(changes(floor, 's72594_4483_1934', token), { code: 'M_INVALID_PARAM' })
  await assert.rejects(changes(floor, token, 'nonsense'), { code: 'M_INVALID_PARAM' })
})
