import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import type { Answered } from '../../../test/people.ts'
import { openTalkers, type Person } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

let requests = 0

function relate(person: Person, roomId: string, relation: object, type = 'm.reaction'): Promise<Answered> {
  const path = `${client}/rooms/${roomId}/send/${type}/r${++requests}`
  return person.call('PUT', path, { body: 'x', 'm.relates_to': relation })
}

eachEngine('nobody annotates an event twice in the same way', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const [eventId, other] = [await alice.say(roomId, 'one'), await alice.say(roomId, 'two')]
  const thumb = { rel_type: 'm.annotation', event_id: eventId, key: '👍' }
  const { body: first } = await relate(alice, roomId, thumb)
  const second = await relate(alice, roomId, thumb)
  assert.deepEqual([second.status, second.body.errcode], [400, 'M_DUPLICATE_ANNOTATION'])
  for (const answer of [
    await relate(bob, roomId, thumb),
    await relate(alice, roomId, { ...thumb, key: '👎' }),
    await relate(alice, roomId, { ...thumb, event_id: other }),
    await relate(alice, roomId, thumb, 'org.example.vote'),
  ])
    assert.equal(answer.status, 200)
  await alice.ok('PUT', `${client}/rooms/${roomId}/redact/${encode(first.event_id)}/back`, {})
  assert.equal((await relate(alice, roomId, thumb)).status, 200, 'what was taken back may be said again')
  const atOnce = await Promise.all([1, 2, 3].map(() => relate(bob, roomId, { ...thumb, event_id: other })))
  assert.deepEqual(atOnce.map(({ status }) => status).sort(), [200, 400, 400])
})

eachEngine('a repeated request for an annotation is no second annotation', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const relation = { rel_type: 'm.annotation', event_id: await alice.say(roomId, 'one'), key: '👍' }
  const path = `${client}/rooms/${roomId}/send/m.reaction/same`
  const first = await alice.ok('PUT', path, { 'm.relates_to': relation })
  assert.deepEqual(await alice.ok('PUT', path, { 'm.relates_to': relation }), first)
})

eachEngine('a thread begins only at an event that relates to no other', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const root = await alice.say(roomId, 'root')
  const thread = (eventId: string): Promise<Answered> =>
    relate(alice, roomId, { rel_type: 'm.thread', event_id: eventId }, 'm.room.message')
  const reply = (await thread(root)).body.event_id
  const reaction = (await relate(alice, roomId, { rel_type: 'm.annotation', event_id: root, key: 'x' })).body.event_id
  for (const eventId of [reply, reaction]) {
    const refused = await thread(eventId)
    assert.deepEqual([refused.status, refused.body.errcode], [400, 'M_UNKNOWN'])
  }
  const rich = await relate(alice, roomId, { 'm.in_reply_to': { event_id: root } }, 'm.room.message')
  assert.equal((await thread(rich.body.event_id)).status, 200, 'a reply without rel_type may begin a thread')
})

eachEngine('a relation of any wrong shape is content like any other', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const root = await alice.say(roomId, 'root')
  const shapes = [null, 7, 'x', [], {}, { rel_type: 7, event_id: root }, { rel_type: 'm.thread', event_id: { x: 1 } }]
  for (const relation of [
    ...shapes,
    { rel_type: 'm.annotation', event_id: root, key: ['x'] },
    { rel_type: 'm.annotation' },
  ]) {
    const answer = await relate(alice, roomId, relation as object)
    assert.equal(answer.status, 200, JSON.stringify(relation))
    const event = await alice.ok('GET', `${client}/rooms/${roomId}/event/${encode(answer.body.event_id)}`)
    assert.deepEqual(event.content['m.relates_to'], relation)
  }
  const relations = (await alice.ok('GET', `${client}/rooms/${roomId}/event/${encode(root)}`)).unsigned['m.relations']
  assert.equal(relations, undefined)
})
