import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import { someone } from '../../test/rooms-floor.ts'
import { openSyncFloor, type SyncFloor, type ToldEvent } from '../../test/sync-floor.ts'

const alice = someone('alice')
const bob = someone('bob')

async function aRoom(floor: SyncFloor, invite: string[] = []) {
  const roomId = await floor.createRoom.create(alice, { preset: 'private_chat', invite })
  return floor.knownRooms.require(roomId)
}

type Room = Awaited<ReturnType<typeof aRoom>>

let transactions = 0

function say(floor: SyncFloor, room: Room, body: string, requester = alice) {
  const content = { msgtype: 'm.text', body }
  return floor.sendEvent.send({ requester, room, type: 'm.room.message', content, txnId: `t${++transactions}` })
}

eachEngine('a first sync shows a room with its state and its newest events', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  for (let i = 0; i < 3; i++) await say(floor, room, `hello ${i}`)
  const first = await floor.answer(alice, { filter: { room: { timeline: { limit: 2 } } } })
  const joined = first.rooms.join[room.roomId]
  assert.deepEqual(
    joined.timeline.events.map((event: ToldEvent) => event.content.body),
    ['hello 1', 'hello 2'],
  )
  assert.equal(joined.timeline.limited, true)
  const types = joined.state.events.map((event: ToldEvent) => event.type)
  for (const type of ['m.room.create', 'm.room.member', 'm.room.power_levels', 'm.room.join_rules'])
    assert.ok(types.includes(type), type)
  assert.equal(new Set(types).size, types.length)
  assert.deepEqual(joined.summary, { 'm.heroes': [], 'm.joined_member_count': 1, 'm.invited_member_count': 0 })
  assert.deepEqual(first.device_one_time_keys_count, {})
  assert.deepEqual(first.device_unused_fallback_key_types, [])
  assert.ok(first.account_data.events.some((event: ToldEvent) => event.type === 'm.push_rules'))
})

eachEngine('a following sync shows what is new, and nothing twice', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(alice)
  assert.deepEqual(Object.keys(await floor.answer(alice, { since: first.next_batch })).sort(), [
    'device_one_time_keys_count',
    'device_unused_fallback_key_types',
    'next_batch',
  ])
  await say(floor, room, 'news')
  const second = await floor.answer(alice, { since: first.next_batch })
  const joined = second.rooms.join[room.roomId]
  assert.deepEqual(
    joined.timeline.events.map((event: ToldEvent) => event.content.body),
    ['news'],
  )
  assert.equal(joined.timeline.limited, false)
  assert.deepEqual(joined.state.events, [])
  assert.equal(joined.summary, undefined)
})

eachEngine('an idle sync asks the database nothing, and a message none but its own write', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(alice)
  const warm = await floor.answer(alice, { since: first.next_batch })
  floor.database.interactions.length = 0
  const idle = await floor.answer(alice, { since: warm.next_batch })
  assert.deepEqual(floor.database.interactions, [])
  await say(floor, room, 'one')
  const told = await floor.answer(alice, { since: idle.next_batch })
  floor.database.interactions.length = 0
  await say(floor, room, 'two')
  const sent = floor.database.interactions.splice(0)
  const again = await floor.answer(alice, { since: told.next_batch })
  assert.equal(again.rooms.join[room.roomId].timeline.events.length, 1)
  assert.deepEqual(floor.database.interactions, [], `sent with ${sent.join()}`)
})

eachEngine('a long poll answers as soon as something happens, and empty when its time is up', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(alice)
  const empty = await floor.answer(alice, { since: first.next_batch, timeoutMs: 10 })
  assert.equal(empty.rooms, undefined)
  const poll = floor.answer(alice, { since: first.next_batch, timeoutMs: 60_000 })
  while (floor.streams.notifier.openWaits === 0) await new Promise((resolve) => setImmediate(resolve))
  await say(floor, room, 'wake up')
  assert.equal((await poll).rooms.join[room.roomId].timeline.events[0].content.body, 'wake up')
  const client = new AbortController()
  const gone = floor.answer(alice, { since: first.next_batch, timeoutMs: 60_000, signal: client.signal })
  client.abort()
  await gone
})

eachEngine('an invite shows the room as it is told to strangers, and joining shows all of it', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const first = await floor.answer(bob)
  const room = await aRoom(floor, [bob.userId])
  const invited = await floor.answer(bob, { since: first.next_batch })
  const events = invited.rooms.invite[room.roomId].invite_state.events
  assert.ok(events.some((event: ToldEvent) => event.type === 'm.room.create'))
  assert.equal(events.filter((event: ToldEvent) => event.state_key === bob.userId).length, 1)
  await say(floor, room, 'before')
  await floor.membership.join({ requester: bob, room })
  const joined = await floor.answer(bob, { since: invited.next_batch, filter: { room: { timeline: { limit: 1 } } } })
  const shown = joined.rooms.join[room.roomId]
  assert.equal(shown.timeline.limited, true)
  assert.equal(shown.timeline.events[0].content.membership, 'join')
  assert.ok(shown.state.events.some((event: ToldEvent) => event.type === 'm.room.create'))
  assert.ok(joined.device_lists.changed.includes(alice.userId))
  const seen = await floor.answer(alice, { since: first.next_batch })
  assert.ok(seen.rooms.join[room.roomId].timeline.events.length > 0)
})

eachEngine('who leaves sees the room up to there, and once', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  await floor.membership.join({ requester: bob, room })
  const first = await floor.answer(bob)
  const aliceFirst = await floor.answer(alice)
  await say(floor, room, 'bye')
  await floor.membership.leave({ requester: bob, room })
  await say(floor, room, 'he is gone')
  const left = await floor.answer(bob, { since: first.next_batch })
  assert.equal(left.rooms.join, undefined)
  const shown = left.rooms.leave[room.roomId]
  assert.deepEqual(
    shown.timeline.events.map((event: ToldEvent) => event.content.body ?? event.content.membership),
    ['bye', 'leave'],
  )
  assert.deepEqual(left.device_lists, { changed: [], left: [alice.userId] })
  const aliceSecond = await floor.answer(alice, { since: aliceFirst.next_batch })
  assert.deepEqual(aliceSecond.device_lists, { changed: [], left: [bob.userId] })
  assert.equal((await floor.answer(bob, { since: left.next_batch })).rooms, undefined)
  assert.equal((await floor.answer(bob)).rooms, undefined)
  const whole = await floor.answer(bob, { filter: { room: { include_leave: true, timeline: { limit: 1 } } } })
  const later = whole.rooms.leave[room.roomId]
  assert.equal(later.timeline.events[0].content.membership, 'leave')
  assert.ok(later.state.events.some((event: ToldEvent) => event.type === 'm.room.create'))
})
