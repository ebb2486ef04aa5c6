import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { idsOf, openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const clientV1 = '/_matrix/client/v1'
const encode = encodeURIComponent

eachEngine('what relates to an event is bundled with it and listed', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const root = await alice.say(roomId, 'root')
  const relate = (rel_type: string, event_id: string, more: object = {}): object => ({
    msgtype: 'm.text',
    body: rel_type,
    'm.relates_to': { rel_type, event_id, ...more },
  })
  const first = await bob.send(roomId, relate('m.thread', root))
  const reply = await bob.send(roomId, relate('m.thread', root))
  const edit = { ...relate('m.replace', root), 'm.new_content': { msgtype: 'm.text', body: 'edited' } }
  const edited = await alice.send(roomId, edit)
  await bob.send(roomId, edit)
  const replyEdit = await bob.send(roomId, { ...relate('m.replace', reply), 'm.new_content': { body: 'better' } })
  const reference = await bob.send(roomId, relate('m.reference', root))
  const reaction = await bob.send(roomId, relate('m.annotation', root, { key: '👍' }), 'm.reaction')

  const path = `${client}/rooms/${roomId}/event/${encode(root)}`
  const relations = (await alice.ok('GET', path)).unsigned['m.relations']
  assert.equal(relations['m.replace'].event_id, edited)
  assert.deepEqual(relations['m.reference'], { chunk: [{ event_id: reference }] })
  assert.equal(relations['m.thread'].count, 2)
  assert.equal(relations['m.thread'].latest_event.event_id, reply)
  assert.equal(relations['m.thread'].latest_event.unsigned['m.relations']['m.replace'].event_id, replyEdit)
  assert.equal(relations['m.thread'].current_user_participated, true, 'alice began it')
  assert.equal('m.annotation' in relations, false)

  const list = `${clientV1}/rooms/${roomId}/relations/${encode(root)}`
  const thread = await alice.ok('GET', `${list}/m.thread?limit=1`)
  assert.deepEqual(idsOf(thread.chunk), [reply])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.thread?from=${thread.next_batch}`)).chunk), [first])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.thread?dir=f`)).chunk), [first, reply])
  assert.deepEqual(idsOf((await alice.ok('GET', `${list}/m.annotation/m.reaction`)).chunk), [reaction])
  assert.equal((await alice.ok('GET', list)).chunk.length, 6)
  const deep = await alice.ok('GET', `${list}?recurse=true`)
  assert.equal(deep.chunk.length, 7)
  assert.equal(deep.recursion_depth, 3)

  await bob.ok('PUT', `${client}/rooms/${roomId}/redact/${encode(reply)}/r1`, {})
  const later = (await alice.ok('GET', path)).unsigned['m.relations']
  assert.equal(later['m.thread'].count, 1)
  assert.equal(later['m.thread'].latest_event.event_id, first)
})

eachEngine('threads are listed by their newest event', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const roots = [await alice.say(roomId, 'a'), await alice.say(roomId, 'b'), await bob.say(roomId, 'c')]
  const answer = (root: string | undefined): Promise<string> =>
    alice.send(roomId, { body: 'x', 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  for (const index of [1, 2, 0]) await answer(roots[index])
  const path = `${clientV1}/rooms/${roomId}/threads`
  const page = await bob.ok('GET', `${path}?limit=2`)
  assert.deepEqual(idsOf(page.chunk), [roots[0], roots[2]])
  assert.equal(page.chunk[0].unsigned['m.relations']['m.thread'].count, 1)
  const rest = await bob.ok('GET', `${path}?limit=2&from=${page.next_batch}`)
  assert.deepEqual(idsOf(rest.chunk), [roots[1]])
  assert.equal('next_batch' in rest, false)
  assert.deepEqual(idsOf((await bob.ok('GET', `${path}?include=participated`)).chunk), [roots[2]])
  assert.equal((await bob.call('GET', `${path}?from=nonsense`)).body.errcode, 'M_INVALID_PARAM')
})
