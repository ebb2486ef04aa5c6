import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { idsOf, openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const clientV1 = '/_matrix/client/v1'
const encode = encodeURIComponent

eachEngine('an event says to its sender’s device alone which request made it', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const eventId = await alice.say(roomId, 'hello')
  const path = `${client}/rooms/${roomId}/event/${encode(eventId)}`
  const own = await alice.ok('GET', path)
  assert.equal(own.unsigned.transaction_id, 't1')
  assert.equal(own.unsigned.membership, 'join')
  assert.equal(own.room_id, roomId)
  assert.deepEqual(own.content, { msgtype: 'm.text', body: 'hello' })
  assert.equal('signatures' in own || 'hashes' in own || 'auth_events' in own, false)
  assert.equal('transaction_id' in (await bob.ok('GET', path)).unsigned, false)
})

eachEngine('who is not in a room learns nothing of it', async (t, database) => {
  const { alice, carol } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const eventId = encode(await alice.say(roomId, 'secret'))
  const paths = [
    'messages?dir=b',
    'state',
    'state/m.room.create',
    'members',
    'joined_members',
    'aliases',
    `event/${eventId}`,
    `context/${eventId}`,
  ].map((path) => `${client}/rooms/ROOM/${path}`)
  paths.push(`${clientV1}/rooms/ROOM/relations/${eventId}`, `${clientV1}/rooms/ROOM/threads`)
  for (const path of paths) {
    const there = await carol.call('GET', path.replace('ROOM', roomId))
    assert.equal(there.status, 403, path)
    assert.equal(there.body.errcode, 'M_FORBIDDEN')
    // A room that does not exist answers the same.
    assert.deepEqual(await carol.call('GET', path.replace('ROOM', '!nowhere:example.org')), there)
  }
  const receipt = await carol.call('POST', `${client}/rooms/${roomId}/receipt/m.read/${eventId}`, {})
  assert.equal(receipt.status, 403)
  const typing = { typing: true }
  assert.equal((await carol.call('PUT', `${client}/rooms/${roomId}/typing/${carol.userId}`, typing)).status, 403)
})

eachEngine('unknown events, and events of other rooms, are not found alike', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const [here, there] = [await alice.createRoom(), await alice.createRoom()]
  const elsewhere = await alice.say(there, 'elsewhere')
  const answers = []
  for (const eventId of ['$unknown', elsewhere])
    answers.push(await alice.call('GET', `${client}/rooms/${here}/event/${encode(eventId)}`))
  assert.equal(answers[0]?.status, 404)
  assert.equal(answers[0]?.body.errcode, 'M_NOT_FOUND')
  assert.deepEqual(answers[1], answers[0])
})

eachEngine('who has left reads the room as it was then', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'before' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const before = await alice.say(roomId, 'before')
  await bob.ok('POST', `${client}/rooms/${roomId}/leave`)
  const after = await alice.say(roomId, 'after')
  await alice.state(roomId, 'm.room.name', { name: 'after' })
  const seen = idsOf((await bob.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=100`)).chunk)
  assert.equal(seen.includes(before), true)
  assert.equal(seen.includes(after), false)
  assert.deepEqual(await bob.ok('GET', `${client}/rooms/${roomId}/state/m.room.name`), { name: 'before' })
  const state = await bob.ok('GET', `${client}/rooms/${roomId}/state`)
  assert.equal(state.find((event: { type: string }) => event.type === 'm.room.name').content.name, 'before')
  const members = (await bob.ok('GET', `${client}/rooms/${roomId}/members?membership=leave`)).chunk
  assert.deepEqual(
    members.map((event: { state_key: string }) => event.state_key),
    [bob.userId],
  )
  assert.equal((await bob.call('GET', `${client}/rooms/${roomId}/joined_members`)).status, 403)
  await bob.ok('POST', `${client}/rooms/${roomId}/forget`)
  assert.equal((await bob.call('GET', `${client}/rooms/${roomId}/messages?dir=b`)).status, 403)
})

eachEngine('who turned an invite down never was in the room', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ invite: [bob.userId] })
  assert.equal((await bob.call('GET', `${client}/rooms/${roomId}/state`)).status, 403)
  await bob.ok('POST', `${client}/rooms/${roomId}/leave`)
  assert.equal((await bob.call('GET', `${client}/rooms/${roomId}/messages?dir=b`)).status, 403)
})

eachEngine('a world readable room can be read by anyone', async (t, database) => {
  const { alice, carol } = await openTalkers(t, database)
  const state = [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }]
  const roomId = await alice.createRoom({ initial_state: state })
  const eventId = await alice.say(roomId, 'hello world')
  assert.equal(idsOf((await carol.ok('GET', `${client}/rooms/${roomId}/messages?dir=b`)).chunk)[0], eventId)
  const event = await carol.ok('GET', `${client}/rooms/${roomId}/event/${encode(eventId)}`)
  assert.equal(event.unsigned.membership, 'leave')
})

eachEngine('state is read by key, whole, and as an event', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ name: 'one' })
  const sent = await alice.state(roomId, 'm.room.name', { name: 'two' })
  const name = `${client}/rooms/${roomId}/state/m.room.name`
  assert.deepEqual(await alice.ok('GET', name), { name: 'two' })
  assert.deepEqual(await alice.ok('GET', `${name}/`), { name: 'two' })
  const event = await alice.ok('GET', `${name}?format=event`)
  assert.equal(event.event_id, sent.event_id)
  assert.equal(event.room_id, roomId)
  assert.equal((await alice.call('GET', `${client}/rooms/${roomId}/state/m.room.topic`)).body.errcode, 'M_NOT_FOUND')
  const create = await alice.ok('GET', `${client}/rooms/${roomId}/state/m.room.create/?format=event`)
  assert.equal(create.room_id, roomId, 'the create event says its room')
  const page = await alice.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=1`)
  assert.deepEqual(page.chunk[0].unsigned.prev_content, { name: 'one' })
  assert.equal(typeof page.chunk[0].unsigned.replaces_state, 'string')
})

eachEngine('a redacted event keeps its place and tells why it is empty', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const eventId = await bob.say(roomId, 'oops')
  const path = `${client}/rooms/${roomId}/event/${encode(eventId)}`
  assert.equal((await alice.ok('GET', path)).content.body, 'oops')
  const { event_id: redactionId } = await bob.ok('PUT', `${client}/rooms/${roomId}/redact/${encode(eventId)}/r1`, {
    reason: 'typo',
  })
  const event = await alice.ok('GET', path)
  assert.deepEqual(event.content, {})
  assert.equal(event.unsigned.redacted_because.event_id, redactionId)
  assert.equal(event.unsigned.redacted_because.content.redacts, eventId)
  assert.equal(event.unsigned.redacted_because.redacts, eventId)
})

eachEngine('members are listed, and the joined ones with what they show of themselves', async (t, database) => {
  const { alice, bob, carol } = await openTalkers(t, database)
  await bob.ok('PUT', `${client}/profile/${bob.userId}/displayname`, { displayname: 'Bobby' })
  const roomId = await alice.createRoom({ preset: 'public_chat', invite: [carol.userId] })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const path = `${client}/rooms/${roomId}/members`
  const members = async (query: string): Promise<string[]> =>
    (await alice.ok('GET', `${path}?${query}`)).chunk.map((event: { state_key: string }) => event.state_key).sort()
  assert.deepEqual(await members(''), [alice.userId, bob.userId, carol.userId])
  assert.deepEqual(await members('membership=join'), [alice.userId, bob.userId])
  assert.deepEqual(await members('not_membership=join'), [carol.userId])
  assert.deepEqual((await alice.ok('GET', `${client}/rooms/${roomId}/joined_members`)).joined[bob.userId], {
    display_name: 'Bobby',
  })
  assert.deepEqual(await bob.ok('GET', `${client}/joined_rooms`), { joined_rooms: [roomId] })
  assert.deepEqual(await carol.ok('GET', `${client}/joined_rooms`), { joined_rooms: [] })
})

eachEngine('a room that cannot be is not made, and a ban that is not there cannot be lifted', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const refused = async (path: string, body: object): Promise<unknown[]> => {
    const { status, body: answer } = await alice.call('POST', `${client}/${path}`, body)
    return [status, answer.errcode]
  }
  assert.deepEqual(await refused('createRoom', { room_version: '99' }), [400, 'M_UNSUPPORTED_ROOM_VERSION'])
  const lowered = { power_level_content_override: { users: { [alice.userId]: 0 } }, room_version: '11', name: 'Hall' }
  assert.deepEqual(await refused('createRoom', lowered), [400, 'M_INVALID_ROOM_STATE'])
  const roomId = await alice.createRoom()
  assert.deepEqual(await refused(`rooms/${roomId}/unban`, { user_id: bob.userId }), [403, 'M_BAD_STATE'])
})
