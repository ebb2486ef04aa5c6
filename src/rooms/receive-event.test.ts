import assert from 'node:assert/strict'

import type { Event } from '#protocol/event.ts'
import { forwardExtremities, missingPrevious } from '#storage/event-edges.ts'
import { eventsByIds } from '#storage/events.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../../test/databases.ts'
import { anEvent } from '../../test/events.ts'
import { aPublicRoom, type RoomGraph } from '../../test/room-graph.ts'
import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'

function textOf(event: Event): string {
  return JSON.stringify({
    ...{ auth_events: event.authEvents, content: event.content, depth: event.depth },
    ...{ origin_server_ts: event.originServerTs, prev_events: event.prevEvents, room_id: event.roomId },
    ...{ sender: event.sender, type: event.type, state_key: event.stateKey },
  })
}

async function setUp(database: Database, graph: RoomGraph) {
  const [create] = graph.events.values()
  assert.ok(create)
  const room = { roomNid: 1, roomId: create.roomId, version: graph.rules }
  const row = { roomNid: 1, roomId: create.roomId, version: graph.rules.version, createdTs: 1, published: false }
  await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
  const floor = await openRoomsFloor(database)
  const receive = (event: Event, options?: Parameters<typeof floor.receiveEvent.receive>[2]) =>
    floor.receiveEvent.receive(room, { event, text: textOf(event) }, options)
  return { floor, room, receive }
}

eachEngine('what we send after a fork follows all its ends and what they resolve to', async (_t, database) => {
  const graph = aPublicRoom('11')
  const us = someone('us').userId
  graph.add('us', { type: 'm.room.member', sender: us, stateKey: us, content: { membership: 'join' } })
  graph.add('left', { sender: '@alice:a', type: 'm.room.topic', stateKey: '', content: { topic: 'x' }, after: ['us'] })
  graph.add('right', { sender: '@alice:a', type: 'm.room.name', stateKey: '', content: { name: 'y' }, after: ['us'] })
  const { floor, room, receive } = await setUp(database, graph)
  for (const event of graph.events.values()) assert.equal(await receive(event), 'placed')
  assert.equal((await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))).length, 2)
  const write = (body: string) =>
    floor.roomWriter.write(room, { type: 'm.room.message', sender: us, content: { body } })
  const sent = await write('both')
  assert.deepEqual(new Set(JSON.parse(sent.json).prev_events), new Set(['$left:a', '$right:a']))
  const state = await floor.roomState.at(sent.stateBefore ?? 0)
  assert.deepEqual(new Map(state), new Map(await floor.roomState.current(room)))
  assert.equal(await floor.memberships.isJoined(us, 1), true)
  const ends = await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))
  assert.deepEqual(
    ends.map((end) => end.eventId),
    [sent.eventId],
  )
})

eachEngine(
  'an event whose previous ones are not to be had stands at a gap, which later closes',
  async (_t, database) => {
    const graph = aPublicRoom('11')
    const lost = graph.add('lost', { sender: '@bob:a' })
    const late = graph.add('late', { sender: '@bob:a' })
    const { receive } = await setUp(database, graph)
    for (const event of graph.events.values()) if (event !== lost && event !== late) await receive(event)
    assert.equal(await receive(late), 'waiting')
    const state = [...graph.stateBefore('lost').values()]
    assert.equal(await receive(late, { state }), 'placed')
    const gaps = () => database.runInteraction('gaps', (txn) => missingPrevious(txn, 1, 10))
    assert.deepEqual(
      (await gaps()).map((gap) => gap.missingEventId),
      ['$lost:a'],
    )
    assert.equal(await receive(lost), 'placed')
    assert.deepEqual(await gaps(), [])
    const ends = await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))
    assert.ok(!ends.some((end) => end.eventId === '$lost:a'), 'what is followed is no end')
  },
)

eachEngine('what the rules forbid is kept and counts for nothing', async (_t, database) => {
  const graph = aPublicRoom('11')
  const { room, receive, floor } = await setUp(database, graph)
  const ban = graph.add('ban', {
    ...{
      sender: '@alice:a',
      type: 'm.room.member',
      stateKey: '@bob:a',
      content: { membership: 'ban' },
      after: ['start'],
    },
  })
  const said = graph.add('said', { sender: '@bob:a', after: ['start'] })
  const forbidden = graph.add('forbidden', { sender: '@bob:a', after: ['ban'] })
  for (const event of graph.events.values()) if (![ban, said, forbidden].includes(event)) await receive(event)
  assert.equal(await receive(ban), 'placed')
  assert.equal(await receive(said), 'softFailed', 'on its branch bob was in the room; here he is banned')
  assert.equal(await receive(forbidden), 'rejected')
  assert.equal(await receive(forbidden), 'known')
  const [row] = await database.runInteraction('row', (txn) => eventsByIds(txn, 1, ['$forbidden:a']))
  assert.match(row?.rejected ?? '', /not in the room/)
  const ends = await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))
  assert.deepEqual(
    ends.map((end) => end.eventId),
    ['$ban:a'],
  )
  assert.equal((await floor.roomState.event(room, 'm.room.member', '@bob:a'))?.eventId, '$ban:a')
})

eachEngine('events that name themselves, each other or too many others do no harm', async (_t, database) => {
  const graph = aPublicRoom('11')
  const { receive } = await setUp(database, graph)
  for (const event of graph.events.values()) await receive(event)
  const roomId = '!room:a'
  const self = anEvent({ eventId: '$self:a', roomId, prevEvents: ['$self:a'] })
  assert.equal(await receive(self), 'waiting')
  const one = anEvent({ eventId: '$one:a', roomId, prevEvents: ['$two:a'] })
  const two = anEvent({ eventId: '$two:a', roomId, prevEvents: ['$one:a'] })
  assert.equal(await receive(one), 'waiting')
  assert.equal(await receive(two), 'waiting')
  const many = Array.from({ length: 5_000 }, (_, index) => `$${index}:a`)
  assert.equal(await receive(anEvent({ eventId: '$many:a', roomId, prevEvents: many })), 'refused')
  const second = anEvent({
    eventId: '$second:a',
    roomId,
    type: 'm.room.create',
    stateKey: '',
    prevEvents: ['$start:a'],
  })
  assert.equal(await receive(second), 'rejected')
})

eachEngine('what waited for an event has its turn though the server stopped in between', async (_t, plain) => {
  let stops = false
  const database: Database = {
    ...{ engine: plain.engine, close: () => plain.close() },
    runInteraction: (name, fn, options) =>
      stops && name === 'waiting_event'
        ? Promise.reject(new Error('the server stops'))
        : plain.runInteraction(name, fn, options),
  }
  const graph = aPublicRoom('11')
  const first = graph.add('first', { sender: '@bob:a' })
  const second = graph.add('second', { sender: '@bob:a' })
  const { receive } = await setUp(database, graph)
  for (const event of graph.events.values()) if (event !== first && event !== second) await receive(event)
  assert.equal(await receive(second), 'waiting')
  stops = true
  await assert.rejects(receive(first), /the server stops/)
  stops = false
  assert.equal(await receive(first), 'known')
  assert.equal(await receive(second), 'known')
  const ends = await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))
  assert.deepEqual(
    ends.map((end) => end.eventId),
    ['$second:a'],
  )
  assert.deepEqual(await database.runInteraction('gaps', (txn) => missingPrevious(txn, 1, 10)), [])
})
