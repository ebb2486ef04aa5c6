import assert from 'node:assert/strict'

import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import { authIncompleteAmong } from '#storage/auth-chains.ts'
import { eventsByIds } from '#storage/events.ts'
import { insertRoom } from '#storage/rooms.ts'

import { eachEngine } from '../../../test/databases.ts'
import { anEvent } from '../../../test/events.ts'
import { aReceivedRoom } from '../../../test/received-room.ts'
import { aPublicRoom, type RoomGraph } from '../../../test/room-graph.ts'
import { someone } from '../../../test/rooms-floor.ts'

const roomId = '!room:a'
const us = someone('us').userId

/** A public room in which one of ours is. */
function ourRoom(version = '11'): RoomGraph {
  const graph = aPublicRoom(version)
  graph.add('us', { type: 'm.room.member', sender: us, stateKey: us, content: { membership: 'join' } })
  return graph
}

/** What bob says after the last event of a graph, with the auth events that it needs, and changed. */
function said(graph: RoomGraph, name: string, change: Partial<Event>): Event {
  const event = { ...graph.add(name, { sender: '@bob:a' }), ...change }
  graph.events.set(event.eventId, event)
  return event
}

eachEngine('an event whose previous ones nobody knows waits', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, byName } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const lost = said(graph, 'lost', { prevEvents: ['$nowhere:a' as EventId] })
  assert.equal(await receive(lost), 'waiting')
  assert.equal((await byName('lost'))?.outlier, 1)
})

eachEngine('an event of another room is nothing to follow, and nothing that authorizes', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, floorRoom, receiveEvent } = await otherRoom(database, graph)
  await receiveAllBut()
  const foreign = anEvent({
    eventId: '$foreign:a',
    roomId: '!other:a',
    type: 'm.room.create',
    stateKey: '',
    sender: '@alice:a',
  })
  assert.equal(await receiveEvent.receive(floorRoom, { event: foreign, text: graph.textOf(foreign) }), 'placed')
  const after = said(graph, 'after', { prevEvents: ['$foreign:a' as EventId] })
  assert.equal(await receive(after), 'waiting')
  const by = said(graph, 'by', { authEvents: ['$foreign:a' as EventId], prevEvents: ['$us:a' as EventId] })
  assert.equal(await receive(by), 'waiting')
  const state = [...graph.stateBefore('us').values(), '$foreign:a' as EventId]
  assert.equal(await receive(after, { state }), 'refused', 'nor is it part of a state')
})

async function otherRoom(database: Parameters<typeof aReceivedRoom>[0], graph: RoomGraph) {
  const ours = await aReceivedRoom(database, graph)
  const floorRoom = { ...ours.room, roomNid: 2, roomId: '!other:a' as typeof ours.room.roomId }
  const row = { roomNid: 2, roomId: floorRoom.roomId, version: '11', createdTs: 1, published: false }
  await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
  return { ...ours, floorRoom }
}

eachEngine('events that follow themselves or each other wait, and take nothing with them', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const follow = (name: string, of: string): Event => said(graph, name, { prevEvents: [`$${of}:a` as EventId] })
  assert.equal(await receive(follow('self', 'self')), 'waiting')
  assert.equal(await receive(follow('one', 'two')), 'waiting')
  assert.equal(await receive(follow('two', 'three')), 'waiting')
  assert.equal(await receive(follow('three', 'one')), 'waiting')
  assert.equal(await receive(said(graph, 'fine', { prevEvents: ['$us:a' as EventId] })), 'placed')
})

eachEngine('events that authorize themselves or each other are never whole', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, byName } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const name = (event: string, of: string): Event =>
    anEvent({
      eventId: `$${event}:a`,
      roomId,
      type: 'm.room.member',
      stateKey: `@${event}:a`,
      authEvents: [`$${of}:a`],
    })
  for (const event of [name('self', 'self'), name('one', 'two'), name('two', 'three'), name('three', 'one')])
    assert.equal(await receive(event, { outlier: true }), 'outlier')
  for (const each of ['self', 'one', 'two', 'three']) {
    const row = await byName(each)
    assert.ok(row)
    const incomplete = await database.runInteraction('gaps', (txn) => authIncompleteAmong(txn, 1, [row.eventNid]))
    assert.equal(incomplete.size, 1, each)
    const state = [...graph.stateBefore('us').values(), row.eventId as EventId]
    assert.equal(await receive(said(graph, `by-${each}`, {}), { state }), 'refused')
  }
})

eachEngine('a chain of what is kept aside is whole as soon as its first event comes', async (_t, database) => {
  const graph = ourRoom()
  const names = ['first', 'second', 'third', 'fourth']
  for (const name of names)
    graph.add(name, {
      type: 'm.room.member',
      sender: '@bob:a',
      stateKey: '@bob:a',
      content: { membership: 'join', name },
    })
  const late = graph.add('late', { sender: '@bob:a' })
  const { receive, receiveAllBut, byName } = await aReceivedRoom(database, graph)
  await receiveAllBut(...names, 'late')
  const state = [...graph.stateBefore('fourth').values()]
  for (const name of names.toReversed().slice(0, 3)) {
    const event = graph.event(`$${name}:a` as EventId)
    assert.ok(event)
    assert.equal(await receive(event, { outlier: true }), 'outlier')
    assert.equal(await receive(late, { state }), 'refused', `without all that authorizes ${name}`)
  }
  const first = graph.event('$first:a' as EventId)
  assert.ok(first)
  assert.equal(await receive(first, { outlier: true }), 'outlier')
  const nids = await Promise.all(names.map(async (name) => (await byName(name))?.eventNid ?? 0))
  assert.deepEqual(
    nids,
    nids.toSorted((a, b) => a - b),
    'numbers grow along the auth graph',
  )
  assert.equal(await receive(late, { state }), 'placed')
})

eachEngine('an event that names thousands of others is refused', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, byName } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const many = Array.from({ length: 5_000 }, (_, index) => `$${index}:a` as EventId)
  assert.equal(await receive(said(graph, 'follows', { prevEvents: many })), 'refused')
  assert.equal(await receive(said(graph, 'named', { authEvents: many })), 'refused')
  assert.equal(await byName('follows'), undefined)
})

for (const version of ['5', '11']) {
  eachEngine(`depths at their limits stop nobody in version ${version}`, async (_t, database) => {
    const graph = ourRoom(version)
    const { receive, receiveAllBut, byName, roomWriter, room, timeline, roomAccess } = await aReceivedRoom(
      database,
      graph,
    )
    await receiveAllBut()
    assert.equal(await receive(said(graph, 'least', { depth: 0 })), 'placed')
    const us0 = await byName('us')
    assert.ok(((await byName('least'))?.topological ?? 0) > (us0?.topological ?? 0), 'after what it follows')
    const greatest = version === '5' ? 2 ** 63 - 1024 : Number.MAX_SAFE_INTEGER
    assert.equal(await receive(said(graph, 'greatest', { depth: greatest })), 'placed')
    assert.equal(await receive(said(graph, 'beyond', { depth: 7 })), 'placed')
    assert.equal((await byName('beyond'))?.topological, Number.MAX_SAFE_INTEGER)
    const sent = await roomWriter.write(room, { type: 'm.room.message', sender: us, content: { body: 'we go on' } })
    const access = await roomAccess.read(us, room.roomId)
    const { rows } = await timeline.page(us, access, { direction: 'backwards', limit: 4 })
    assert.deepEqual(
      rows.map((row) => row.eventId),
      [sent.eventId, '$beyond:a', '$greatest:a', '$least:a'],
    )
  })
}

eachEngine('a second create event counts for nothing', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, roomState, room } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const create = (eventId: string, prevEvents: string[]): Event =>
    anEvent({ eventId, roomId, type: 'm.room.create', stateKey: '', sender: '@alice:a', prevEvents })
  assert.equal(await receive(create('$second:a', ['$us:a'])), 'rejected')
  assert.equal(await receive(create('$third:a', [])), 'rejected')
  assert.equal((await roomState.event(room, 'm.room.create', ''))?.eventId, '$create:a')
})

eachEngine('the same event comes in twice, at once and later, and is there once', async (_t, database) => {
  const graph = ourRoom()
  const { receive, receiveAllBut, arrivals } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const once = said(graph, 'once', {})
  const outcomes = await Promise.all([receive(once), receive(once), receive(once, { outlier: true })])
  assert.deepEqual(outcomes.sort(), ['known', 'known', 'placed'])
  assert.equal(await receive(once), 'known')
  assert.equal((await arrivals(us)).filter((name) => name === 'once').length, 1)
  const rows = await database.runInteraction('rows', (txn) => eventsByIds(txn, 1, ['$once:a', '$once:a']))
  assert.equal(rows.length, 1)
})

eachEngine('a state key has 255 bytes at most', async (_t, database) => {
  const graph = ourRoom()
  const { receiveAllBut, roomWriter, roomState, room } = await aReceivedRoom(database, graph)
  await receiveAllBut()
  const alice = '@alice:a'
  graph.add('open', {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: { [alice]: 100 }, state_default: 0 },
  })
  await receiveAllBut('us')
  const write = (stateKey: string) =>
    roomWriter.write(room, { type: 'org.example.state', sender: us, stateKey, content: {} })
  for (const longest of ['k'.repeat(255), 'é'.repeat(127)]) {
    const row = await write(longest)
    assert.equal((await roomState.event(room, 'org.example.state', longest))?.eventId, row.eventId)
  }
  for (const tooLong of ['k'.repeat(256), 'é'.repeat(128)]) await assert.rejects(write(tooLong), /at most 255 bytes/)
})
