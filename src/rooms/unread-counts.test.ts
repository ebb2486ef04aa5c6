import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import { openSyncFloor } from '../../test/sync-floor.ts'
import {
  alice,
  aRoom,
  bob,
  byThread,
  carol,
  inThread,
  read,
  say,
  unread,
  unreadAfterStart,
} from '../../test/unread-floor.ts'

eachEngine('messages count until they are read; one’s own never do', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  await say(floor, alice, room)
  const second = await say(floor, alice, room)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [2, 0])
  assert.deepEqual(await unread(floor, alice, room), [0, 0])
  await read(floor, bob, room, { eventId: second })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
  assert.deepEqual(await unread(floor, carol, room), [2, 0])
})

eachEngine('nothing counts that came before one joined, nor before one joined again', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  await say(floor, alice, room)
  await floor.membership.invite({ requester: alice, room, userId: bob.userId })
  await floor.membership.join({ requester: bob, room })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
  await say(floor, alice, room)
  assert.deepEqual(await unread(floor, bob, room), [1, 0])
  await floor.membership.leave({ requester: bob, room })
  await say(floor, alice, room)
  await floor.membership.join({ requester: bob, room })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
  await say(floor, alice, room)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
})

eachEngine('a new name reads nothing and does not begin anew', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  await say(floor, alice, room)
  assert.deepEqual(await unread(floor, bob, room), [1, 0])
  const content = { membership: 'join', displayname: 'Bob' }
  await floor.sendEvent.send({ requester: bob, room, type: 'm.room.member', stateKey: bob.userId, content })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
})

eachEngine('of a public and a private receipt the one that is further counts', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const ids = [await say(floor, alice, room), await say(floor, alice, room), await say(floor, alice, room)]
  const [first = '', second = '', third = ''] = ids
  await read(floor, bob, room, { eventId: second })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
  await read(floor, bob, room, { eventId: first, type: 'm.read.private' })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
  await read(floor, bob, room, { eventId: third, type: 'm.read.private' })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
  await read(floor, bob, room, { eventId: first })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
})

eachEngine('threads are counted apart for who asks for it, with the room for others', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const root = await say(floor, alice, room)
  const reply = await say(floor, alice, room, inThread(root))
  await say(floor, alice, room, inThread(root))
  await say(floor, alice, room)
  const apart = { filter: byThread }
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[2, 0], { [root]: [2, 0] }])
  assert.deepEqual(await unread(floor, bob, room), [4, 0])
  await read(floor, bob, room, { eventId: reply, threadId: root })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[2, 0], { [root]: [1, 0] }])
  await read(floor, bob, room, { eventId: root, threadId: 'main' })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[1, 0], { [root]: [1, 0] }])
  await read(floor, bob, room, { eventId: await say(floor, carol, room) })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [0, 0])
})

eachEngine('the example of the specification: receipts in two threads and the main timeline', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const a = await say(floor, alice, room)
  const b = await say(floor, alice, room)
  const c = await say(floor, alice, room, inThread(a))
  const d = await say(floor, alice, room, inThread(b))
  const e = await say(floor, alice, room, inThread(a))
  await say(floor, alice, room, inThread(b))
  await say(floor, alice, room, inThread(a))
  await say(floor, alice, room, inThread(a))
  const i = await say(floor, alice, room)
  const apart = { filter: byThread }
  assert.deepEqual(await unread(floor, bob, room, apart), [[3, 0], { [a]: [4, 0], [b]: [2, 0] }])
  await read(floor, bob, room, { eventId: e, threadId: a })
  assert.deepEqual(await unread(floor, bob, room, apart), [[3, 0], { [a]: [2, 0], [b]: [2, 0] }])
  await read(floor, carol, room, { eventId: d })
  assert.deepEqual(await unreadAfterStart(floor, carol, room, apart), [[1, 0], { [a]: [3, 0], [b]: [1, 0] }])
  await read(floor, bob, room, { eventId: i, threadId: 'main' })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[0, 0], { [a]: [2, 0], [b]: [2, 0] }])
  assert.ok(c)
})

eachEngine(
  'what relates to a thread’s replies is in the thread, what relates to its root is not',
  async (_t, database) => {
    const floor = await openSyncFloor(database)
    const room = await aRoom(floor)
    const root = await say(floor, alice, room)
    const reply = await say(floor, alice, room, inThread(root))
    const refer = (eventId: string) => ({ 'm.relates_to': { rel_type: 'm.reference', event_id: eventId } })
    const first = await say(floor, alice, room, refer(reply))
    await say(floor, alice, room, refer(first))
    await say(floor, alice, room, refer(root))
    assert.deepEqual(await unreadAfterStart(floor, bob, room, { filter: byThread }), [[2, 0], { [root]: [3, 0] }])
  },
)

eachEngine('who says something has read the thread in which they say it', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const root = await say(floor, alice, room)
  await say(floor, alice, room, inThread(root))
  await say(floor, bob, room, inThread(root))
  const apart = { filter: byThread }
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [1, 0])
  await say(floor, alice, room, inThread(root))
  await say(floor, bob, room)
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[0, 0], { [root]: [1, 0] }])
})
