import assert from 'node:assert/strict'

import type { Event } from '#protocol/event.ts'
import { insertRoom } from '#storage/rooms.ts'
import { eventsInStreamRange, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../../test/databases.ts'
import { assertStatesExact, rowsOfRoom } from '../../test/graph-invariants.ts'
import { aPublicRoom } from '../../test/room-graph.ts'
import { textOf } from '../../test/torn-work.ts'
import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import type { Room } from './known-rooms.ts'
import { RoomState } from './room-state.ts'

const alice = someone('alice')
const bob = someone('bob')

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>

function eventsOf(database: Database, room: Room): Promise<EventRow[]> {
  const range = { roomNid: room.roomNid, after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10_000, newestFirst: false }
  return database.runInteraction('events', (txn) => eventsInStreamRange(txn, range), { readOnly: true })
}

/** A room with `count` events: every third changes its state. */
async function busyRoom(floor: Floor, count: number): Promise<Room> {
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  await floor.membership.join({ requester: bob, room })
  for (let at = 0; at < count; at++) {
    const isState = at % 3 === 0
    const what = isState ? { type: `org.example.${at % 9}`, stateKey: '' } : { type: 'm.room.message' }
    await floor.sendEvent.send({ requester: alice, room, ...what, content: { at } })
  }
  return room
}

eachEngine('purging history leaves every kept state as it was, and nothing that nobody needs', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await busyRoom(floor, 90)
  const other = await busyRoom(floor, 5)
  const before = await eventsOf(database, room)
  const others = await rowsOfRoom(database, other.roomNid)
  const depth = 60
  const states = new Map<number, ReadonlyMap<number, number>>()
  for (const row of before) states.set(row.eventNid, new Map(await floor.roomState.at(row.stateAfter ?? 0)))
  await floor.purge.history(room, depth)
  const fresh = await openRoomsFloor(database)
  const after = await eventsOf(database, room)
  assert.deepEqual(
    after.map((row) => row.eventId),
    before.filter((row) => row.topological >= depth).map((row) => row.eventId),
  )
  for (const row of after)
    assert.deepEqual(new Map(await fresh.roomState.at(row.stateAfter ?? 0)), states.get(row.eventNid))
  await assertStatesExact(database)
  assert.deepEqual(await rowsOfRoom(database, other.roomNid), others)
  await floor.sendEvent.send({ requester: bob, room, type: 'm.room.message', content: { body: 'still here' } })
  await fresh.sendEvent.send({ requester: alice, room: other, type: 'm.room.message', content: { body: 'here too' } })
  await floor.purge.history(room, 10_000)
  assert.equal((await eventsOf(database, room)).length, 1, 'the end of a room stays')
  await assertStatesExact(database)
  const reopened = await openRoomsFloor(database)
  for (let at = 0; at < 20; at++) {
    await reopened.sendEvent.send({ requester: alice, room, type: 'org.example.0', stateKey: '', content: { at } })
  }
  await assertStatesExact(database)
})

eachEngine('purging a room leaves no row of it, and other rooms alone', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await busyRoom(floor, 230)
  const other = await busyRoom(floor, 7)
  const others = await rowsOfRoom(database, other.roomNid)
  const [first] = await eventsOf(database, room)
  await floor.redact
    .redact({ requester: alice, room, eventId: first?.eventId as never, content: {} })
    .catch(() => undefined)
  await floor.purge.room(room)
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
  assert.deepEqual(await rowsOfRoom(database, other.roomNid), others)
  await assertStatesExact(database)
  assert.equal(await floor.knownRooms.byId(room.roomId), undefined)
})

/** Fails everything after `count` interactions, as if the process had ended. */
function dying(database: Database, count: number): Database {
  let left = count
  return {
    engine: database.engine,
    close: () => database.close(),
    runInteraction: (name, fn, options) => {
      left -= 1
      if (left < 0) return Promise.reject(new Error('the process has ended'))
      return database.runInteraction(name, fn, options)
    },
  }
}

for (const whole of [false, true]) {
  const what = whole ? 'a room' : 'history'
  eachEngine(`a purge of ${what} that ends at any step goes on after a restart`, async (_t, database) => {
    for (let steps = 1; ; steps += whole ? 2 : 3) {
      const floor = await openRoomsFloor(database)
      const room = await busyRoom(floor, 40)
      const { Purge } = await import('./purge.ts')
      const purge = new Purge({ ...floor, database: dying(database, steps) })
      const ended = await (whole ? purge.room(room) : purge.history(room, 30)).then(
        () => true,
        () => false,
      )
      const restarted = await openRoomsFloor(database)
      await restarted.purge.resume()
      await assertStatesExact(database)
      if (whole) assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
      else {
        const rows = await eventsOf(database, room)
        assert.equal(Math.min(...rows.map((row) => row.topological)), 30)
        await restarted.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: {} })
        await restarted.purge.room(room)
      }
      if (ended) break
    }
  })
}

eachEngine('a room goes when the last of us has forgotten it, and not before', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await busyRoom(floor, 5)
  const forget = async (requester: typeof alice): Promise<void> => {
    await floor.membership.leave({ requester, room })
    await floor.membership.forget({ requester, room })
    await floor.purge.ifForgotten(room)
  }
  await forget(bob)
  assert.notDeepEqual(await rowsOfRoom(database, room.roomNid), {})
  await forget(alice)
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
  assert.equal((await floor.memberships.in(alice.userId, room.roomNid))?.forgotten, 1, 'no list shows it')
})

eachEngine('a check says where derived tables differ from the events', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await busyRoom(floor, 10)
  const faults = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const each of RoomState.faults(database)) found.push(...each.faults)
    return found
  }
  assert.deepEqual(await faults(), [])
  await database.runInteraction('spoil', async (txn) => {
    await txn.run(`UPDATE memberships SET membership = 'ban' WHERE room_nid = ? AND membership = 'join'`, room.roomNid)
    await txn.run('DELETE FROM current_state WHERE key_nid = 1')
    await txn.run('UPDATE room_servers SET joined = 1')
    await txn.run('UPDATE room_recency SET stream_position = 1')
    await txn.run(
      `INSERT INTO relations_in_turn (room_nid, relates_to, topological, stream_position, event_nid)
       SELECT room_nid, '$none', topological, stream_position, event_nid FROM events WHERE type = 'm.room.create'`,
    )
  })
  const found = await faults()
  assert.equal(found.filter((fault) => fault.startsWith('memberships has ban')).length, 2)
  assert.equal(found.filter((fault) => fault.startsWith('current_state has event none')).length, 1)
  assert.equal(found.filter((fault) => fault.startsWith('relations_in_turn is wrong about')).length, 1)
  assert.deepEqual(
    found.filter((fault) => /^(member_counts|room_servers|room_recency) is/.test(fault)),
    [
      'member_counts is wrong about how many have ban.',
      'member_counts is wrong about how many have join.',
      'room_servers is wrong about how many of test.example are joined.',
      'room_recency is not at the newest event that people see as something new.',
    ],
  )
})

eachEngine(
  'an event that stays for its state alone does not come back when what it followed comes',
  async (_t, database) => {
    const graph = aPublicRoom('11')
    const lost = graph.add('lost', { sender: '@alice:a' })
    graph.add('late', { sender: '@alice:a', type: 'm.room.topic', stateKey: '', content: { topic: 'late' } })
    for (let at = 0; at < 5; at++) graph.add(`after${at}`, { sender: '@alice:a' })
    const [create] = graph.events.values()
    assert.ok(create)
    const room = { roomNid: 1, roomId: create.roomId, version: graph.rules }
    const row = { roomNid: 1, roomId: create.roomId, version: '11', createdTs: 1, published: false }
    await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
    const floor = await openRoomsFloor(database)
    const receive = (event: Event): Promise<unknown> =>
      floor.receiveEvent.receive(
        room,
        { event, text: textOf(event) },
        event.eventId === '$late:a' ? { state: [...graph.stateBefore('lost').values()] } : {},
      )
    for (const event of graph.events.values()) if (event !== lost) await receive(event)
    await floor.purge.history(room, graph.events.size - 2)
    const remaining = (await eventsOf(database, room)).map((each) => each.eventId)
    assert.ok(!remaining.includes('$late:a'))
    await receive(lost)
    const now = (await eventsOf(database, room)).map((each) => each.eventId)
    assert.ok(!now.includes('$late:a'), 'what was purged stays so')
    assert.equal((await floor.roomState.event(room, 'm.room.topic', ''))?.eventId, '$late:a')
  },
)
