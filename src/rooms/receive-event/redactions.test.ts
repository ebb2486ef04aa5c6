import assert from 'node:assert/strict'

import { parseUserId } from '#protocol/identifiers.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../../../test/databases.ts'
import { anEvent } from '../../../test/events.ts'
import { aReceivedRoom } from '../../../test/received-room.ts'
import { aPublicRoom, powerOf, type GraphWish, type RoomGraph } from '../../../test/room-graph.ts'
import { someone } from '../../../test/rooms-floor.ts'

const alice = '@alice:a'
const bob = '@bob:a'
/** On another server than alice and bob, without power. */
const eve = '@eve:b'
/** One of our users, who reads. */
const us = someone('us').userId

const notFound = { code: 'M_NOT_FOUND' }

/** A public room with a reader of ours and somebody of another server. */
function aRoom(version = '11'): RoomGraph {
  const graph = aPublicRoom(version)
  for (const userId of [us, eve])
    graph.add(userId.slice(1, userId.indexOf(':')), {
      type: 'm.room.member',
      sender: userId,
      stateKey: userId,
      content: { membership: 'join' },
    })
  return graph
}

function redaction(sender: string, name: string, more: Partial<GraphWish> = {}): GraphWish {
  return { type: 'm.room.redaction', sender, redacts: `$${name}:a`, ...more }
}

async function redacterOf(room: Awaited<ReturnType<typeof aReceivedRoom>>, name: string): Promise<string | undefined> {
  const row = await room.byName(name)
  if (row?.redactedBy == null) return undefined
  const [by] = await room.roomState.events([row.redactedBy])
  return by?.eventId.slice(1, -2)
}

eachEngine('a received redaction empties its target for every reader at once', async (_t, database) => {
  const graph = aRoom()
  graph.add('said', { sender: bob, content: { body: 'secret' } })
  graph.add('redact', redaction(alice, 'said'))
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('redact')
  assert.deepEqual((await room.told(us, 'said'))['content'], { body: 'secret' })
  const before = room.streams.events.position
  room.streams.notifier.userRooms(us, [1])
  const until = (): boolean => room.streams.events.position > before
  const woken = room.streams.notifier.wait(us, until, { timeoutMs: 60_000, signal: new AbortController().signal })
  await room.receive(graph.events.get('$redact:a' as never) ?? assert.fail())
  await woken
  assert.deepEqual(await room.arrivals(us, before), ['redact'])
  const said = await room.told(us, 'said')
  assert.deepEqual(said['content'], {})
  assert.equal((said['redacted_because'] as { event_id: string }).event_id, '$redact:a')
  const held = await room.timeline.recent(room.room, { after: 0, upTo: room.streams.events.position, limit: 100 })
  assert.notEqual(held.rows.find((row) => row.eventId === '$said:a')?.redactedBy, null, 'in memory, too')
})

eachEngine('a redaction that comes before its target is withheld, and then both are told', async (_t, database) => {
  const graph = aRoom()
  const said = graph.add('said', { sender: bob, content: { body: 'secret' } })
  graph.add(
    'redact',
    redaction(alice, 'said', {
      after: ['start'],
      content: { 'm.relates_to': { rel_type: 'x', event_id: '$start:a' } },
    }),
  )
  graph.add('next', { sender: alice, after: ['redact'] })
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('said')
  assert.ok(!(await room.arrivals(us)).includes('redact'))
  await assert.rejects(room.told(us, 'redact'), notFound)
  const before = room.streams.events.position
  assert.equal(await room.receive(said), 'placed')
  assert.deepEqual(await room.arrivals(us, before), ['said', 'redact'])
  assert.deepEqual((await room.told(us, 'said'))['content'], {})
  const fresh = await aFreshTimeline(database, room)
  assert.deepEqual(fresh.slice(-2), ['said', 'redact'], 'read anew it is the same')
})

async function aFreshTimeline(database: Database, room: Awaited<ReturnType<typeof aReceivedRoom>>): Promise<string[]> {
  const rows = await database.runInteraction('arrivals', (txn) =>
    txn.all<{ id: string }>(
      'SELECT event_id AS id FROM events WHERE room_nid = ? AND stream_position IS NOT NULL ORDER BY stream_position',
      room.room.roomNid,
    ),
  )
  return rows.map((row) => row.id.slice(1, -2))
}

eachEngine('who may redact is up to the power before the redaction, and to servers', async (_t, database) => {
  const graph = aRoom()
  graph.add('bobs', { sender: bob })
  graph.add('eves', { sender: eve })
  graph.add('byEve', redaction(eve, 'bobs'))
  graph.add('early', redaction(eve, 'unknown'))
  graph.add('power2', {
    type: 'm.room.power_levels',
    sender: alice,
    stateKey: '',
    content: { users: powerOf(graph, { [eve]: 50 }) },
  })
  graph.add('unknown', { sender: bob, after: ['power2'] })
  graph.add('late', redaction(eve, 'unknown', { after: ['unknown'] }))
  graph.add('own', redaction('@eve:b', 'eves'))
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut()
  assert.equal(await redacterOf(room, 'bobs'), undefined)
  assert.equal(await redacterOf(room, 'unknown'), 'late')
  assert.equal(await redacterOf(room, 'eves'), 'own')
  const told = await room.arrivals(us)
  for (const name of ['byEve', 'early']) {
    assert.ok(!told.includes(name), `${name} may not apply and is not told`)
    await assert.rejects(room.told(us, name), notFound)
  }
})

for (const version of ['1', '6', '10', '11', '12']) {
  eachEngine(`what names no event of the room does no harm in version ${version}`, async (_t, database) => {
    const graph = aRoom(version)
    const wrong = [null, {}, [], 7, true, '', 'said', '$\0', '$' + 'x'.repeat(300), '$other:a', '$own7:a']
    for (const [index, redacts] of wrong.entries()) {
      graph.add(`wrong${index}`, { type: 'm.room.redaction', sender: alice, redacts })
    }
    graph.add('create2', redaction(alice, 'create'))
    graph.add('last', { sender: alice })
    const room = await aReceivedRoom(database, graph)
    for (const event of graph.events.values()) assert.equal(await room.receive(event), 'placed')
    const other = anEvent({ eventId: '$other:a', roomId: '!other:a' })
    assert.equal(await room.byName(other.eventId.slice(1, -2)), undefined)
    const told = await room.arrivals(us)
    assert.deepEqual(
      told.filter((name) => name.startsWith('wrong') || name === 'create2'),
      [],
    )
    assert.equal(told.at(-1), 'last')
    assert.equal(await redacterOf(room, 'create'), undefined)
  })
}

eachEngine('redactions and state events are redacted, and the state stays', async (_t, database) => {
  const graph = aRoom('10')
  graph.add('topic', { type: 'm.room.topic', sender: bob, stateKey: '', content: { topic: 'no power, so refused' } })
  graph.add('name', { type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'rude' } })
  graph.add('said', { sender: bob, content: { body: 'secret' } })
  graph.add('first', redaction(alice, 'said', { content: { reason: 'rude reason' } }))
  graph.add('second', redaction(alice, 'first'))
  graph.add('third', redaction(alice, 'name'))
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut()
  assert.deepEqual((await room.told(us, 'said'))['content'], {}, 'the redacted redaction still redacts')
  assert.equal(((await room.told(us, 'first'))['content'] as { reason?: string }).reason, undefined)
  assert.deepEqual((await room.told(us, 'name'))['content'], {})
  assert.equal((await room.roomState.event(room.room, 'm.room.name', ''))?.eventId, '$name:a')
})

eachEngine('a redaction that is rejected or soft-failed never applies', async (_t, database) => {
  const graph = aRoom()
  graph.add('said', { sender: bob })
  graph.add('ban', {
    type: 'm.room.member',
    sender: alice,
    stateKey: bob,
    content: { membership: 'ban' },
    after: ['said'],
  })
  const rejected = graph.add('rejected', redaction(bob, 'said', { after: ['ban'] }))
  const softFailed = graph.add('softFailed', redaction(bob, 'said', { after: ['said'] }))
  const soon = graph.add('soon', redaction(bob, 'later', { after: ['said'] }))
  const later = graph.add('later', { sender: alice, after: ['ban'] })
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('rejected', 'softFailed', 'soon', 'later')
  assert.equal(await room.receive(rejected), 'rejected')
  assert.equal(await room.receive(softFailed), 'softFailed')
  assert.equal(await room.receive(soon), 'softFailed')
  assert.equal(await room.receive(later), 'placed')
  assert.equal(await redacterOf(room, 'said'), undefined)
  assert.equal(await redacterOf(room, 'later'), undefined)
})

eachEngine('of two redactions the first in causal order counts, however they come', async (_t, database) => {
  const graph = aRoom()
  const said = graph.add('said', { sender: bob })
  const one = graph.add('one', redaction(alice, 'said', { after: ['start'] }))
  const two = graph.add('two', redaction(alice, 'said', { after: ['start'] }))
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('said', 'one', 'two')
  for (const event of [said, two]) await room.receive(event)
  assert.equal(await redacterOf(room, 'said'), 'two')
  await room.receive(one)
  assert.equal(await redacterOf(room, 'said'), 'one')
  const because = (await room.told(us, 'said'))['redacted_because'] as { event_id: string }
  assert.equal(because.event_id, '$one:a')
  assert.deepEqual((await room.arrivals(us)).slice(-3), ['said', 'two', 'one'], 'both are told')
})

eachEngine('what is kept aside is redacted, also when it comes into the graph', async (_t, database) => {
  const graph = aRoom()
  const early = graph.add('early', {
    type: 'm.room.topic',
    sender: alice,
    stateKey: '',
    content: { topic: 'x' },
    after: ['start'],
  })
  const late = graph.add('late', {
    type: 'm.room.name',
    sender: alice,
    stateKey: '',
    content: { name: 'x' },
    after: ['start'],
  })
  graph.add('redactEarly', redaction(alice, 'early', { after: ['start'] }))
  graph.add('redactLate', redaction(alice, 'late', { after: ['start'] }))
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut('early', 'late', 'redactEarly', 'redactLate')
  assert.equal(await room.receive(early, { outlier: true }), 'outlier')
  await room.receiveAllBut('late', 'early')
  const before = room.streams.events.position
  assert.equal(await room.receive(late, { outlier: true }), 'outlier')
  assert.deepEqual(await room.arrivals(us, before), ['redactLate'])
  for (const event of [early, late]) assert.equal(await room.receive(event), 'placed')
  assert.equal(await redacterOf(room, 'early'), 'redactEarly')
  assert.equal(await redacterOf(room, 'late'), 'redactLate')
})

eachEngine('what erased users of ours have written is pruned among what others send', async (_t, database) => {
  const graph = aRoom()
  const gone = someone('gone').userId
  const after = someone('after').userId
  for (const [name, userId] of [['gone', gone]] as const)
    graph.add(name, { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } })
  graph.add('mine', { sender: gone, content: { body: 'mine' } })
  graph.add('after', { type: 'm.room.member', sender: after, stateKey: after, content: { membership: 'join' } })
  const room = await aReceivedRoom(database, graph)
  await room.receiveAllBut()
  await room.erase(gone)
  assert.deepEqual((await room.told(us, 'mine'))['content'], { body: 'mine' })
  assert.deepEqual((await room.told(after, 'mine'))['content'], {})
  await assert.rejects(room.told(parseUserId('@nobody:a'), 'mine'), { code: 'M_FORBIDDEN' })
})
