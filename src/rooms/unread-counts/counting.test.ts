import assert from 'node:assert/strict'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import type { Room } from '../known-rooms.ts'
import { UnreadCounts } from '../unread-counts.ts'
import { testServerName } from '../../../test/rooms-floor.ts'
import { eachEngine } from '../../../test/databases.ts'
import { openSyncFloor } from '../../../test/sync-floor.ts'
import {
  alice,
  aRoom,
  bob,
  byThread,
  carol,
  countsIn,
  inThread,
  read,
  say,
  unread,
  unreadAfterStart,
} from '../../../test/unread-floor.ts'

eachEngine('counters that are moved on say the same as before', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const root = await say(floor, alice, room)
  const ids: EventId[] = []
  for (let i = 0; i < 70; i++) {
    ids.push(await say(floor, i % 7 === 0 ? carol : alice, room, i % 3 === 0 ? inThread(root) : {}))
  }
  await floor.unreadCounts.settled()
  const apart = { filter: byThread }
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[47, 0], { [root]: [24, 0] }])
  const middle = ids[40] ?? ''
  await read(floor, bob, room, { eventId: middle })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[19, 0], { [root]: [10, 0] }])
  await floor.redact.redact({ requester: alice, room, eventId: ids[44] ?? parseEventId('$x'), content: {} })
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[18, 0], { [root]: [10, 0] }])
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [[78, 0], { [root]: [10, 0] }])
  await read(floor, bob, room, { eventId: await say(floor, alice, room) })
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  assert.deepEqual(await unreadAfterStart(floor, bob, room, apart), [60, 0])
})

eachEngine('changed rules reach what was counted, and clients are told', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const [room, quiet] = [await aRoom(floor), await aRoom(floor)]
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  const first = await floor.answer(bob)
  assert.deepEqual(countsIn(first, room), [60, 0])
  await floor.pushRules.put({ userId: bob.userId, kind: 'room', ruleId: room.roomId }, { actions: [] }, {})
  await floor.unreadCounts.settled()
  const second = await floor.answer(bob, { since: first.next_batch })
  assert.deepEqual(countsIn(second, room), [0, 0])
  assert.equal(countsIn(second, quiet), undefined)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
})

eachEngine('clients are told when changed rules concern only what counters do not hold yet', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const [room, quiet] = [await aRoom(floor), await aRoom(floor)]
  await say(floor, alice, room)
  const first = await floor.answer(bob)
  const name = { userId: bob.userId, kind: 'room', ruleId: room.roomId }
  let since: string = first.next_batch
  for (const wanted of [0, 1, 0]) {
    if (wanted === 0) await floor.pushRules.put(name, { actions: [] }, {})
    else await floor.pushRules.delete(name)
    await floor.unreadCounts.settled()
    const answer = await floor.answer(bob, { since })
    since = answer.next_batch
    assert.deepEqual(countsIn(answer, room), [wanted, 0])
    assert.equal(countsIn(answer, quiet), undefined)
  }
})

eachEngine('rules that changed just before the server stopped are seen to after its start', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  await floor.unreadCounts.close()
  await floor.pushRules.put({ userId: bob.userId, kind: 'room', ruleId: room.roomId }, { actions: [] }, {})
  const fresh = await openSyncFloor(database)
  fresh.unreadCounts.start()
  while (JSON.stringify(await unread(fresh, bob, room)) !== '[0,0]')
    await new Promise((resolve) => setImmediate(resolve))
  await fresh.unreadCounts.close()
})

eachEngine('a sync tells of a room in which only the counts changed', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  await aRoom(floor)
  const id = await say(floor, alice, room)
  const filter = { room: { ephemeral: { not_types: ['m.receipt'] } } }
  const first = await floor.answer(bob, { filter })
  assert.deepEqual(countsIn(first, room), [1, 0])
  const poll = floor.answer(bob, { filter, since: first.next_batch, timeoutMs: 60_000 })
  await read(floor, { ...bob, deviceId: 'OTHER' }, room, { eventId: id, type: 'm.read.private' })
  const second = await poll
  assert.deepEqual(Object.keys(second.rooms.join), [room.roomId])
  assert.deepEqual(countsIn(second, room), [0, 0])
  assert.equal((await floor.answer(bob, { filter, since: second.next_batch })).rooms, undefined)
})

eachEngine('a count comes with its event, in the first sync, later, and with the whole state', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(bob, { filter: byThread })
  assert.deepEqual(countsIn(first, room), [0, 0])
  const root = await say(floor, alice, room)
  await say(floor, alice, room, inThread(root))
  const second = await floor.answer(bob, { since: first.next_batch, filter: byThread })
  assert.equal(second.rooms.join[room.roomId].timeline.events.length, 2)
  assert.deepEqual(countsIn(second, room), [[1, 0], { [root]: [1, 0] }])
  const again = await floor.answer(bob, { since: second.next_batch, fullState: true, filter: byThread })
  assert.deepEqual(countsIn(again, room), [[1, 0], { [root]: [1, 0] }])
  // Whatever tells of a room tells what is unread in its threads: clients take those that are absent to be read.
  await floor.typing.start(alice.userId, room.roomNid)
  const typing = await floor.answer(bob, { since: second.next_batch, filter: byThread })
  floor.typing.close()
  assert.deepEqual(countsIn(typing, room), [[1, 0], { [root]: [1, 0] }])
})

eachEngine('who follows a room asks the database for nothing about what is unread', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  let since: string = (await floor.answer(bob)).next_batch
  for (let i = 0; i < 3; i++) {
    await say(floor, alice, room)
    floor.database.interactions.length = 0
    const answer = await floor.answer(bob, { since })
    since = answer.next_batch
    assert.deepEqual(countsIn(answer, room), [i + 1, 0])
    if (i > 0)
      assert.deepEqual(
        floor.database.interactions.filter((name) => /unread|settings|receipts/.test(name)),
        [],
      )
  }
})

eachEngine('what is unread in many rooms costs as many queries as in one', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const rooms: Room[] = []
  for (let i = 0; i < 5; i++) rooms.push(await aRoom(floor))
  for (const room of rooms) for (let i = 0; i < 4; i++) await say(floor, alice, room)
  const fresh = await openSyncFloor(database)
  const upTo = fresh.streams.events.position
  fresh.database.interactions.length = 0
  await fresh.unreadCounts.of(bob.userId, rooms.slice(0, 1), upTo)
  const one = fresh.database.interactions.length
  fresh.database.interactions.length = 0
  const counts = await fresh.unreadCounts.of(carol.userId, rooms, upTo)
  assert.equal(fresh.database.interactions.length, one)
  assert.deepEqual(
    [...counts.values()].map((tallies) => tallies.get('main')?.notify),
    [4, 4, 4, 4, 4],
  )
  await fresh.unreadCounts.settled()
})

eachEngine('a check counts anew, and says where counters are wrong', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  const faults = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const each of UnreadCounts.faults(database, testServerName)) found.push(...each.faults)
    return found
  }
  assert.deepEqual(await faults(), [])
  const { userNid = 0 } = (await floor.memberships.in(bob.userId, room.roomNid)) ?? {}
  await database.runInteraction('test_tamper', (txn) =>
    txn.run('UPDATE unread_counts SET notify = 7 WHERE room_nid = ? AND user_nid = ?', room.roomNid, userNid),
  )
  const [fault = '', ...others] = await faults()
  assert.match(fault, /has 7 \(0 of them standing out\) in main for @bob:test.example; it should be \d\d /)
  assert.deepEqual(others, [])
})

eachEngine(
  'what a purge takes away is no longer unread, and what was read is not unread again',
  async (_t, database) => {
    const floor = await openSyncFloor(database)
    floor.purge.onHistoryGone((gone) => {
      floor.unreadCounts.forgetRoom(gone)
    })
    const room = await aRoom(floor)
    for (let i = 0; i < 60; i++) await say(floor, alice, room)
    const last = await say(floor, alice, room)
    await floor.unreadCounts.settled()
    await read(floor, carol, room, { eventId: last })
    assert.deepEqual(await unread(floor, bob, room), [61, 0])
    const [row] = await floor.database.runInteraction('test_depth', (txn) =>
      txn.all<{ depth: number }>('SELECT topological AS depth FROM events WHERE event_id = ?', last),
    )
    await floor.purge.history(room, (row?.depth ?? 0) - 9)
    assert.deepEqual(await unreadAfterStart(floor, bob, room), [10, 0])
    assert.deepEqual(await unreadAfterStart(floor, carol, room), [0, 0])
    await say(floor, alice, room)
    assert.deepEqual(await unreadAfterStart(floor, bob, room), [11, 0])
  },
)

eachEngine('who leaves a room has no counters in it any more', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  await floor.membership.leave({ requester: bob, room })
  for (let i = 0; i < 60; i++) await say(floor, alice, room)
  await floor.unreadCounts.settled()
  const rows = await database.runInteraction('test_rows', (txn) =>
    txn.all<{ userId: string }>(
      'SELECT u.user_id AS "userId" FROM unread_counts c JOIN user_ids u ON u.user_nid = c.user_nid',
    ),
  )
  assert.deepEqual(
    rows.map((row) => row.userId),
    [carol.userId],
  )
})
