import assert from 'node:assert/strict'
import { eventId } from '#protocol/hashes.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import { knownRoomVersions } from '#protocol/room-versions.ts'
import { redact } from '#protocol/redaction.ts'
import { eventsInStreamRange } from '#storage/events.ts'
import type { EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { eachEngine } from '../databases.ts'
import { openRoomsFloor, someone } from '../rooms-floor.ts'

const alice = someone('alice')
const bob = someone('bob')
const carol = someone('carol')

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>

async function newRoom(floor: Floor, request: Parameters<Floor['createRoom']['create']>[1] = {}): Promise<Room> {
  return floor.knownRooms.require(await floor.createRoom.create(alice, request))
}

function allEvents(database: Database, room: Room): Promise<EventRow[]> {
  const range = { roomNid: room.roomNid, after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 1_000, newestFirst: false }
  return database.runInteraction('all_events', (txn) => eventsInStreamRange(txn, range), { readOnly: true })
}

const forbidden = { code: 'M_FORBIDDEN' }

eachEngine('a room can be made in every version, and its events verify as stored', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  for (const version of knownRoomVersions) {
    const room = await newRoom(floor, { room_version: version, name: 'Tea', topic: 'Leaves', invite: [bob.userId] })
    const rows = await allEvents(database, room)
    assert.deepEqual(
      rows.map((row) => row.type.replace('m.room.', '')),
      [
        'create',
        'member',
        'power_levels',
        'join_rules',
        'history_visibility',
        'guest_access',
        'name',
        'topic',
        'member',
      ],
    )
    for (const row of rows) {
      const pdu = JSON.parse(row.json)
      assert.equal(eventId(pdu, room.version), row.eventId)
      assert.doesNotThrow(() => redact(pdu, room.version))
    }
    assert.equal(room.roomId.includes(':'), version !== '12')
  }
})

eachEngine('people join by invite, talk, and leave', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor)
  const say = (requester: typeof alice, body: string) =>
    floor.sendEvent.send({ requester, room, type: 'm.room.message', content: { msgtype: 'm.text', body } })
  await assert.rejects(say(bob, 'before'), forbidden)
  await assert.rejects(floor.membership.join({ requester: bob, room }), forbidden)
  await floor.membership.invite({ requester: alice, room, userId: bob.userId })
  assert.deepEqual((await floor.memberships.in(bob.userId, room.roomNid))?.membership, 'invite')
  const stripped = JSON.parse(
    (await floor.memberships.strippedStates(bob.userId, [room.roomNid])).get(room.roomNid) ?? '',
  )
  assert.ok(stripped.some((event: { type: string }) => event.type === 'm.room.create'))
  assert.ok(stripped.some((event: { state_key: string }) => event.state_key === alice.userId))
  await floor.membership.join({ requester: bob, room })
  await floor.membership.join({ requester: bob, room })
  await say(bob, 'hello')
  assert.deepEqual(await floor.memberships.localMembers(room.roomNid), new Set([alice.userId, bob.userId]))
  await floor.membership.leave({ requester: bob, room })
  await floor.membership.leave({ requester: bob, room })
  await assert.rejects(say(bob, 'after'), forbidden)
  const types = (await allEvents(database, room)).slice(-4).map((row) => row.type)
  assert.deepEqual(types, ['m.room.member', 'm.room.member', 'm.room.message', 'm.room.member'])
})

eachEngine('kicks and bans need power, and a ban keeps out', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor, { preset: 'public_chat' })
  await floor.membership.join({ requester: bob, room })
  await floor.membership.join({ requester: carol, room })
  await assert.rejects(floor.membership.kick({ requester: bob, room, userId: carol.userId }), forbidden)
  await floor.membership.kick({ requester: alice, room, userId: carol.userId, reason: 'noise' })
  await assert.rejects(floor.membership.kick({ requester: alice, room, userId: carol.userId }), forbidden)
  await floor.membership.join({ requester: carol, room })
  await floor.membership.ban({ requester: alice, room, userId: carol.userId })
  await assert.rejects(floor.membership.join({ requester: carol, room }), forbidden)
  await assert.rejects(floor.membership.leave({ requester: carol, room }), forbidden)
  await floor.membership.unban({ requester: alice, room, userId: carol.userId })
  await floor.membership.join({ requester: carol, room })
})

eachEngine('a transaction id makes one event, also after a restart', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor)
  const request = { requester: alice, room, type: 'm.room.message', content: { body: 'once' }, txnId: 'txn' }
  const [first, second] = await Promise.all([floor.sendEvent.send(request), floor.sendEvent.send(request)])
  assert.equal(first, second)
  const restarted = await openRoomsFloor(database)
  assert.equal(await restarted.sendEvent.send(request), first)
  const other = { ...request, requester: someone('alice', 'OTHER') }
  assert.notEqual(await restarted.sendEvent.send(other), first)
  assert.equal((await allEvents(database, room)).filter((row) => row.type === 'm.room.message').length, 2)
})

eachEngine('events sent at once form one line, and the state at each can be read', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor)
  const count = 40
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      floor.sendEvent.send({
        requester: alice,
        room,
        ...(index % 2 === 0
          ? { type: 'm.room.message', content: { body: `${index}` } }
          : { type: 'org.example.state', stateKey: `${index % 5}`, content: { index } }),
      }),
    ),
  )
  const rows = await allEvents(database, room)
  const state = new Map<number, number>()
  for (const [index, row] of rows.entries()) {
    assert.equal(row.topological, index + 1)
    const prev = JSON.parse(row.json).prev_events
    assert.deepEqual(prev, index === 0 ? [] : [rows[index - 1]?.eventId])
    assert.deepEqual(new Map(await floor.roomState.at(row.stateBefore ?? 0)), state)
    if (row.keyNid !== null) state.set(row.keyNid, row.eventNid)
    assert.deepEqual(new Map(await floor.roomState.at(row.stateAfter ?? 0)), state)
  }
  assert.deepEqual(new Map(await floor.roomState.current(room)), state)
  const keyNids = [...state.keys(), 999_999]
  const asked = await floor.roomState.keysAt(
    rows.map((row) => row.stateAfter ?? 0),
    keyNids,
  )
  for (const row of rows) {
    assert.deepEqual(new Map(asked.get(row.stateAfter ?? 0)), new Map(await floor.roomState.at(row.stateAfter ?? 0)))
  }
  const restarted = await openRoomsFloor(database)
  assert.deepEqual(new Map(await restarted.roomState.current(room)), state)
  const next = await restarted.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: {} })
  assert.equal((await allEvents(database, room)).at(-1)?.eventId, next)
})

eachEngine('a batch that fails takes with it what was built on it, and the room goes on', async (_t, database) => {
  let failing = false
  const broken: Database = {
    engine: database.engine,
    close: () => database.close(),
    runInteraction: (name, fn, options) =>
      failing && name === 'persist_event'
        ? Promise.reject(new Error('the disk is full'))
        : database.runInteraction(name, fn, options),
  }
  const floor = await openRoomsFloor(broken)
  const room = await newRoom(floor)
  const say = () => floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: {} })
  await say()
  failing = true
  const results = await Promise.allSettled([say(), say(), say()])
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected', 'rejected'],
  )
  failing = false
  await say()
  assert.equal((await allEvents(database, room)).filter((row) => row.type === 'm.room.message').length, 2)
})

eachEngine('redaction marks the event and keeps its text', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor, { preset: 'public_chat' })
  await floor.membership.join({ requester: bob, room })
  const send = (requester: typeof alice) =>
    floor.sendEvent.send({ requester, room, type: 'm.room.message', content: { body: 'secret' } })
  const [ofAlice, ofBob] = [await send(alice), await send(bob)]
  await assert.rejects(floor.redact.redact({ requester: bob, room, eventId: ofAlice, content: {} }), forbidden)
  const redaction = await floor.redact.redact({ requester: bob, room, eventId: ofBob, content: { reason: 'oops' } })
  await floor.redact.redact({ requester: alice, room, eventId: ofAlice, content: {} })
  const rows = await allEvents(database, room)
  const row = rows.find((each) => each.eventId === ofBob)
  assert.equal(row?.redactedBy, rows.find((each) => each.eventId === redaction)?.eventNid)
  assert.match(row?.json ?? '', /secret/)
  const other = await newRoom(floor)
  await assert.rejects(floor.redact.redact({ requester: alice, room: other, eventId: ofBob, content: {} }), {
    code: 'M_NOT_FOUND',
  })
})

eachEngine('an alias that is taken leaves nothing of the second room', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  await newRoom(floor, { room_alias_name: 'tea' })
  await assert.rejects(newRoom(floor, { room_alias_name: 'tea' }), { code: 'M_ROOM_IN_USE' })
  assert.equal((await floor.memberships.of(alice.userId)).size, 1)
})

eachEngine('members of one room may join another that trusts it', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const club = await newRoom(floor, { preset: 'public_chat' })
  const room = await newRoom(floor, {
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club.roomId }] },
      },
    ],
  })
  await assert.rejects(floor.membership.join({ requester: bob, room }), forbidden)
  await floor.membership.join({ requester: bob, room: club })
  await floor.membership.join({ requester: bob, room })
  const join = (await allEvents(database, room)).at(-1)
  assert.equal(JSON.parse(join?.json ?? '{}').content.join_authorised_via_users_server, alice.userId)
})

eachEngine('rooms made alike at the same moment are different rooms', async (_t, database) => {
  const floor = await openRoomsFloor(database, false)
  const rooms = await Promise.all(Array.from({ length: 5 }, () => newRoom(floor, { name: 'Tea' })))
  assert.equal(new Set(rooms.map((room) => room.roomId)).size, 5)
})

eachEngine('an invite does not tell what was redacted of the room', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await newRoom(floor, { name: 'a slip of the tongue' })
  const name = (await allEvents(database, room)).find((row) => row.type === 'm.room.name')
  const eventId = parseEventId(name?.eventId ?? '')
  await floor.redact.redact({ requester: alice, room, eventId, content: {} })
  await floor.membership.invite({ requester: alice, room, userId: bob.userId })
  const stripped = (await floor.memberships.strippedStates(bob.userId, [room.roomNid])).get(room.roomNid) ?? ''
  assert.match(stripped, /"m\.room\.create"/)
  assert.doesNotMatch(stripped, /slip of the tongue/)
})
