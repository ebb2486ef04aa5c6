import assert from 'node:assert/strict'

import type { Event } from '#protocol/event.ts'

import { eachEngine } from '../../../test/databases.ts'
import { assertStatesExact } from '../../../test/graph-invariants.ts'
import { aReceivedRoom } from '../../../test/received-room.ts'
import { aPublicRoom, powerOf, type RoomGraph } from '../../../test/room-graph.ts'
import { rowCountingDatabase } from '../../../test/row-counting-database.ts'
import { someone } from '../../../test/rooms-floor.ts'
import { RoomState } from '../room-state.ts'

const alice = '@alice:a'
const us = someone('us').userId

function join(graph: RoomGraph, name: string, userId: string): Event {
  return graph.add(name, { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } })
}

eachEngine('after events of others a local one reads what has changed, never the room', async (_t, plain) => {
  const { database, rowsOf } = rowCountingDatabase(plain)
  const costs: number[] = []
  for (const members of [20, 150]) {
    const graph = aPublicRoom('11')
    join(graph, 'us', us)
    for (let index = 0; index < members; index++) join(graph, `m${index}`, `@m${index}:b`)
    const later = Array.from({ length: 20 }, (_, index) => graph.add(`later${index}`, { sender: alice }))
    later.push(join(graph, 'late', '@late:b'))
    const room = await aReceivedRoom(database, graph)
    for (const event of graph.events.values()) if (!later.includes(event)) await room.receive(event)
    const say = (body: string): Promise<unknown> =>
      room.roomWriter.write(room.room, { type: 'm.room.message', sender: us, content: { body } })
    await say('loads the room')
    for (const event of later) assert.equal(await room.receive(event), 'placed')
    const rows = await rowsOf(() => say('after'))
    assert.equal(rows.has('load_room'), false)
    costs.push([...rows.values()].reduce((sum, count) => sum + count, 0))
    await room.purge.room(room.room)
  }
  const [small = 0, large = 0] = costs
  assert.ok(large <= small + 8 && large < 40, `${small} rows in the small room, ${large} in the large`)
})

eachEngine('what others change counts for our next event, and nothing that they replaced', async (_t, database) => {
  const graph = aPublicRoom('11')
  join(graph, 'us', us)
  const muted = graph.add('muted', {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: powerOf(graph, {}), events_default: 50 },
  })
  const talking = graph.add('talking', {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: powerOf(graph, { [us]: 60 }), events_default: 50 },
  })
  const fork = graph.add('fork', { sender: alice, type: 'm.room.topic', stateKey: '', content: {}, after: ['talking'] })
  const side = graph.add('side', { sender: alice, type: 'm.room.name', stateKey: '', content: {}, after: ['talking'] })
  const ban = graph.add('ban', {
    ...{ type: 'm.room.member', sender: alice, stateKey: us, content: { membership: 'ban' }, after: ['fork', 'side'] },
  })
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('muted', 'talking', 'fork', 'side', 'ban')
  const say = (body: string) =>
    room.roomWriter.write(room.room, { type: 'm.room.message', sender: us, content: { body } })
  await say('one')
  await room.receive(muted)
  await assert.rejects(say('two'), { code: 'M_FORBIDDEN' })
  await room.receive(talking)
  const written = await say('three')
  assert.deepEqual(new Set(JSON.parse(written.json).prev_events).has('$talking:a'), true)
  await room.receive(fork)
  await room.receive(side)
  const [four] = await Promise.all([say('four'), say('five'), room.receive(side)])
  await room.receive(ban)
  const state = new Map(await room.roomState.at(four.stateBefore ?? 0))
  for (const name of ['m.room.topic', 'm.room.name']) {
    const keyNid = await room.interned.keyNid(name, '')
    assert.ok(state.has(keyNid), `our event stands on the ${name} of both sides`)
  }
  await assert.rejects(say('six'), { code: 'M_FORBIDDEN' })
  for await (const { faults } of RoomState.faults(database)) assert.deepEqual(faults, [])
  await assertStatesExact(database)
})
