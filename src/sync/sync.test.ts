import assert from 'node:assert/strict'
import { parseEventId } from '#protocol/identifiers.ts'
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

eachEngine('a lazily loading client is told of each sender once', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  await floor.membership.join({ requester: bob, room })
  const filter = { room: { state: { lazy_load_members: true }, timeline: { limit: 1 } } }
  const members = (told: { events: ToldEvent[] }): unknown[] =>
    told.events.filter((event) => event.type === 'm.room.member').map((event) => event.state_key)
  await say(floor, room, 'zero')
  const first = await floor.answer(alice, { filter })
  // Herself, and Bob as a hero.
  assert.deepEqual(members(first.rooms.join[room.roomId].state).sort(), [alice.userId, bob.userId])
  const phone = { ...alice, deviceId: 'PHONE' }
  const bare = await floor.answer(phone, { filter: { room: { ...filter.room, state: { ...filter.room.state } } } })
  await say(floor, room, 'one', bob)
  const second = await floor.answer(alice, { filter, since: first.next_batch })
  assert.deepEqual(members(second.rooms.join[room.roomId].state), [])
  const redundant = { room: { ...filter.room, state: { lazy_load_members: true, include_redundant_members: true } } }
  const told = await floor.answer(phone, { filter: redundant, since: bare.next_batch })
  assert.deepEqual(members(told.rooms.join[room.roomId].state), [bob.userId])
})

eachEngine('full_state tells the whole state again, and the timeline only goes on', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(alice)
  await say(floor, room, 'news')
  const whole = await floor.answer(alice, { since: first.next_batch, fullState: true })
  const joined = whole.rooms.join[room.roomId]
  assert.equal(joined.timeline.events.length, 1)
  assert.ok(joined.state.events.some((event: ToldEvent) => event.type === 'm.room.create'))
  const quiet = await floor.answer(alice, { since: whole.next_batch, fullState: true, timeoutMs: 60_000 })
  assert.ok(quiet.rooms.join[room.roomId].state.events.length > 0)
})

eachEngine('state_after tells the state at the end, and takes the place of state', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const first = await floor.answer(alice, { stateAfter: 'state_after' })
  assert.equal(first.rooms.join[room.roomId].state, undefined)
  const topic = (body: string) =>
    floor.sendEvent.send({ requester: alice, room, type: 'm.room.topic', stateKey: '', content: { topic: body } })
  await topic('old')
  const newest = await topic('new')
  const second = await floor.answer(alice, { since: first.next_batch, stateAfter: 'org.matrix.msc4222.state_after' })
  const joined = second.rooms.join[room.roomId]
  assert.deepEqual(
    joined['org.matrix.msc4222.state_after'].events.map((event: ToldEvent) => event.event_id),
    [newest],
  )
  assert.equal(joined.timeline.events.length, 2)
})

eachEngine('what a filter does not want is not told, and does not count against the limit', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const other = await aRoom(floor)
  for (let i = 0; i < 4; i++) await say(floor, room, `hello ${i}`)
  for (let i = 0; i < 200; i++)
    await floor.sendEvent.send({ requester: alice, room, type: 'org.example.noise', content: {}, txnId: `n${i}` })
  const filter = {
    event_fields: ['content.body', 'event_id'],
    account_data: { types: [] },
    room: {
      not_rooms: [other.roomId],
      timeline: { types: ['m.room.message'], limit: 3 },
      state: { types: ['m.room.n*'] },
    },
  }
  const told = await floor.answer(alice, { filter })
  assert.deepEqual(Object.keys(told.rooms.join), [room.roomId])
  const { timeline, state } = told.rooms.join[room.roomId]
  assert.deepEqual(
    timeline.events.map((event: ToldEvent) => event.content),
    [{ body: 'hello 1' }, { body: 'hello 2' }, { body: 'hello 3' }],
  )
  assert.equal(timeline.events[0].type, undefined)
  assert.equal(timeline.limited, true)
  assert.deepEqual(state.events, [])
  assert.equal(told.account_data, undefined)
  const filterId = await floor.filters.create(alice.userId, filter)
  const byId = await floor.sync.answer({
    requester: alice,
    since: undefined,
    timeoutMs: 0,
    fullState: false,
    stateAfter: undefined,
    filter: filterId,
    signal: new AbortController().signal,
  })
  assert.deepEqual(JSON.parse(byId).rooms.join[room.roomId].timeline.events, timeline.events)
})

eachEngine('events and invites of ignored users are not told', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  await floor.membership.join({ requester: bob, room })
  const ignored = { ignored_users: { [alice.userId]: {} } }
  await floor.accountData.set(bob.userId, null, 'm.ignored_user_list', ignored)
  const first = await floor.answer(bob)
  await say(floor, room, 'unheard')
  await floor.sendEvent.send({
    requester: alice,
    room,
    type: 'm.room.topic',
    stateKey: '',
    content: { topic: 'heard' },
  })
  await aRoom(floor, [bob.userId])
  const second = await floor.answer(bob, { since: first.next_batch })
  assert.deepEqual(
    second.rooms.join[room.roomId].timeline.events.map((event: ToldEvent) => event.type),
    ['m.room.topic'],
  )
  assert.equal(second.rooms.invite, undefined)
})

eachEngine('a knock is told to who knocks, with what the room tells strangers', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const content = { join_rule: 'knock' }
  await floor.sendEvent.send({ requester: alice, room, type: 'm.room.join_rules', stateKey: '', content })
  const first = await floor.answer(bob)
  await floor.membership.knock({ requester: bob, room })
  const second = await floor.answer(bob, { since: first.next_batch })
  const events: ToldEvent[] = second.rooms.knock[room.roomId].knock_state.events
  assert.ok(events.some((event) => event.type === 'm.room.create'))
  assert.equal(events.at(-1)?.content['membership'], 'knock')
})

eachEngine('messages to a device come until the next sync says that they arrived', async (_t, database) => {
  const floor = await openSyncFloor(database)
  await database.runInteraction('test_device', (txn) =>
    txn.run(
      'INSERT INTO devices (user_id, device_id, display_name, created_ts) VALUES (?, ?, ?, ?)',
      bob.userId,
      bob.deviceId,
      null,
      0,
    ),
  )
  const first = await floor.answer(bob)
  const messages = new Map([[bob.userId, new Map([[bob.deviceId, { secret: 'x' }]])]])
  await floor.toDevice.send(alice, 'org.example.hello', 'txn', messages)
  const second = await floor.answer(bob, { since: first.next_batch })
  const expected = [{ content: { secret: 'x' }, sender: alice.userId, type: 'org.example.hello' }]
  assert.deepEqual(second.to_device.events, expected)
  assert.deepEqual((await floor.answer(bob, { since: first.next_batch })).to_device.events, expected)
  assert.equal((await floor.answer(bob, { since: second.next_batch })).to_device, undefined)
  assert.equal((await floor.answer(bob, { since: first.next_batch })).to_device, undefined)
})

eachEngine('a change of keys is told to those who share a room, and wakes them', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  await floor.membership.join({ requester: bob, room })
  const [first, strangers] = [await floor.answer(alice), await floor.answer(someone('carol'))]
  const poll = floor.answer(alice, { since: first.next_batch, timeoutMs: 60_000 })
  while (floor.streams.notifier.openWaits === 0) await new Promise((resolve) => setImmediate(resolve))
  await floor.deviceLists.changed(bob.userId)
  assert.deepEqual((await poll).device_lists, { changed: [bob.userId], left: [] })
  assert.equal((await floor.answer(someone('carol'), { since: strangers.next_batch })).device_lists, undefined)
})

eachEngine('a token of another server, or from the future, is refused', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const { next_batch: token } = await floor.answer(alice)
  await assert.rejects(floor.answer(alice, { since: 's72594_4483_1934' }), { code: 'M_INVALID_PARAM' })
  const ahead = token.replace(/e(\d+)/, (_: string, position: string) => `e${Number(position) + 1_000_000}`)
  await assert.rejects(floor.answer(alice, { since: ahead }), { code: 'M_UNKNOWN_POS' })
  await assert.rejects(floor.answer(alice, { since: 's1.e0' }), { code: 'M_INVALID_PARAM' })
  await assert.rejects(floor.answer(alice, { filter: { room: 1 } }), { code: 'M_INVALID_PARAM' })
})

eachEngine('who declines an invite is told so, and nothing of the room', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  const first = await floor.answer(bob)
  await say(floor, room, 'a secret')
  await floor.membership.leave({ requester: bob, room })
  const second = await floor.answer(bob, { since: first.next_batch })
  const left = second.rooms.leave[room.roomId]
  assert.deepEqual(
    left.timeline.events.map((event: ToldEvent) => event.content['membership']),
    ['leave'],
  )
  assert.deepEqual(left.state.events, [])
})

eachEngine('who comes into a room does not see what was said before, where that is the rule', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor, [bob.userId])
  const content = { history_visibility: 'joined' }
  await floor.sendEvent.send({ requester: alice, room, type: 'm.room.history_visibility', stateKey: '', content })
  for (let i = 0; i < 30; i++) await say(floor, room, 'before')
  await floor.membership.join({ requester: bob, room })
  await say(floor, room, 'after')
  const { timeline, state } = (await floor.answer(bob)).rooms.join[room.roomId]
  const said = timeline.events.map((event: ToldEvent) => event.content['body'] ?? event.content['membership'])
  assert.deepEqual(said, ['join', 'after'])
  assert.equal(timeline.limited, true)
  assert.ok(state.events.some((event: ToldEvent) => event.type === 'm.room.create'))
})

eachEngine('an invite that was redacted is told without what it said', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  await floor.membership.invite({ requester: alice, room, userId: bob.userId, reason: 'a slip of the tongue' })
  const member = await floor.roomState.event(room, 'm.room.member', bob.userId)
  await floor.redact.redact({ requester: alice, room, eventId: parseEventId(member?.eventId ?? ''), content: {} })
  const { events } = (await floor.answer(bob, {})).rooms.invite[room.roomId].invite_state
  assert.equal(events.at(-1).content.membership, 'invite')
  assert.doesNotMatch(JSON.stringify(events), /slip of the tongue/)
})
