/** Something of everything that a database can hold: for tests that must not miss a table. */
import { unpaddedBase64 } from '#protocol/crypto.ts'
import type { Event } from '#protocol/event.ts'
import type { JsonObject } from '#protocol/json.ts'
import { signJson } from '#protocol/signatures.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'

import { aPublicRoom } from '../room-graph.ts'
import { openRoomsFloor, someone } from '../rooms-floor.ts'
import type { Person } from '../talkers.ts'

const v3 = '/_matrix/client/v3'
/** State changes of one room: enough for states of several levels. */
const changes = 70

/** People, devices and their keys. */
export async function somePeople(alice: Person, bob: Person): Promise<void> {
  await alice.ok('PUT', `${v3}/profile/${alice.userId}/displayname`, { displayname: 'Alice' })
  await alice.ok('POST', `${v3}/user/${alice.userId}/filter`, { room: { timeline: { limit: 5 } } })
  await alice.ok('PUT', `${v3}/user/${alice.userId}/account_data/org.example.one`, { one: 1 })
  await alice.ok('PUT', `${v3}/pushrules/global/content/cheese`, { pattern: 'cheese', actions: ['notify'] })
  const { device_id: deviceId } = await alice.ok('GET', `${v3}/account/whoami`)
  const signingKey = newSigningKey(new Uint8Array(32).fill(3), deviceId)
  const publicKey = unpaddedBase64(signingKey.publicKey)
  const signed = (object: JsonObject): JsonObject => signJson(object, alice.userId, signingKey)
  const keys = { [`curve25519:${deviceId}`]: publicKey, [`ed25519:${deviceId}`]: publicKey }
  const algorithms = ['m.olm.v1.curve25519-aes-sha2']
  await alice.ok('POST', `${v3}/keys/upload`, {
    device_keys: signed({ user_id: alice.userId, device_id: deviceId, algorithms, keys }),
    one_time_keys: {
      'signed_curve25519:AAAA': signed({ key: publicKey }),
      'signed_curve25519:AAAB': signed({ key: publicKey }),
    },
    fallback_keys: { 'signed_curve25519:AAAC': signed({ key: publicKey, fallback: true }) },
  })
  await bob.ok('POST', `${v3}/keys/claim`, { one_time_keys: { [alice.userId]: { [deviceId]: 'signed_curve25519' } } })
  await bob.ok('PUT', `${v3}/sendToDevice/org.example.hello/t1`, {
    messages: { [alice.userId]: { '*': { hello: 1 } } },
  })
  const { version } = await alice.ok('POST', `${v3}/room_keys/version`, {
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: 'p', signatures: {} },
  })
  await alice.ok('PUT', `${v3}/room_keys/keys/!some:example.org/session?version=${version}`, {
    first_message_index: 1,
    forwarded_count: 0,
    is_verified: true,
    session_data: { ciphertext: 'x', ephemeral: 'y', mac: 'z' },
  })
}

/** A room in which everything happens that people do. */
export async function someTalk(alice: Person, bob: Person, carol: Person): Promise<void> {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'talk', name: 'Talk', topic: 'all' })
  await bob.ok('POST', `${v3}/join/${roomId}`)
  const first = await alice.say(roomId, 'first')
  const second = await bob.say(roomId, 'second')
  const relates = (rel_type: string, extra: object = {}): object => ({
    msgtype: 'm.text',
    body: rel_type,
    'm.relates_to': { rel_type, event_id: first, ...extra },
  })
  await bob.send(roomId, relates('m.annotation', { key: '👍' }), 'm.reaction')
  const reply = await bob.send(roomId, relates('m.thread'))
  await alice.send(roomId, relates('m.annotation', { event_id: reply, key: '👍' }), 'm.reaction')
  await alice.send(roomId, { ...relates('m.replace'), 'm.new_content': { msgtype: 'm.text', body: 'first!' } })
  await bob.send(roomId, relates('m.reference'))
  await bob.ok('PUT', `${v3}/rooms/${roomId}/redact/${second}/r1`, { reason: 'slip' })
  await bob.ok('POST', `${v3}/rooms/${roomId}/receipt/m.read/${first}`, { thread_id: 'main' })
  await alice.ok('POST', `${v3}/rooms/${roomId}/read_markers`, { 'm.fully_read': second, 'm.read': second })
  await alice.ok('PUT', `${v3}/user/${alice.userId}/rooms/${roomId}/tags/m.favourite`, { order: 0.5 })
  await carol.ok('POST', `${v3}/join/${roomId}`)
  await alice.ok('POST', `${v3}/rooms/${roomId}/kick`, { user_id: carol.userId })
  await alice.ok('POST', `${v3}/rooms/${roomId}/ban`, { user_id: carol.userId, reason: 'no' })
  for (let at = 0; at < changes; at += 1) {
    await alice.state(roomId, `org.example.${at % 5}`, { at })
    if (at % 8 === 0) await bob.say(roomId, `at ${at}`)
  }
}

/** Rooms of every kind beside that one; gives the id of one with a history. */
export async function someRooms(alice: Person, bob: Person, carol: Person): Promise<string> {
  const invited = await alice.createRoom({ invite: [bob.userId], room_version: '10' })
  await alice.say(invited, 'nobody here')
  const knocked = await alice.createRoom({
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
  })
  await carol.ok('POST', `${v3}/knock/${knocked}`, { reason: 'please' })
  const left = await bob.createRoom({ preset: 'public_chat', room_version: '6', visibility: 'public' })
  await carol.ok('POST', `${v3}/join/${left}`)
  await carol.ok('POST', `${v3}/rooms/${left}/leave`)
  await carol.ok('POST', `${v3}/rooms/${left}/forget`)
  const purged = await alice.createRoom({ name: 'Long' })
  for (let at = 0; at < 20; at += 1) await alice.say(purged, `old ${at}`)
  return purged
}

/** A room of others', with forks, gaps, what waits and what is refused. */
export async function someGraph(database: Database): Promise<void> {
  const graph = aPublicRoom('11')
  const [create] = graph.events.values()
  if (create === undefined) return
  const roomNid = 1_000_000
  const room = { roomNid, roomId: create.roomId, version: graph.rules }
  const row = { roomNid, roomId: create.roomId, version: '11', createdTs: 1, published: false }
  await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
  const us = someone('us').userId
  const topic = { sender: '@alice:a', type: 'm.room.topic', stateKey: '' }
  graph.add('us', { type: 'm.room.member', sender: us, stateKey: us, content: { membership: 'join' } })
  const ban = graph.add('ban', {
    sender: '@alice:a',
    type: 'm.room.member',
    stateKey: '@bob:a',
    content: { membership: 'ban' },
  })
  graph.add('said', { sender: '@bob:a', after: ['us'] })
  graph.add('forbidden', { sender: '@bob:a', after: [ban.eventId.slice(1, -2)] })
  graph.add('left', { ...topic, content: { topic: 'left' }, after: ['ban'] })
  graph.add('right', { ...topic, content: { topic: 'right' }, after: ['ban'] })
  const lost = graph.add('lost', { sender: '@charlie:a', after: ['left', 'right'] })
  const late = graph.add('late', { sender: '@charlie:a' })
  graph.add('waits', { sender: '@charlie:a', after: ['lost'] })
  const { receiveEvent, roomWriter } = await openRoomsFloor(database)
  const receive = (event: Event, state?: Event['authEvents']): Promise<unknown> =>
    receiveEvent.receive(room, { event, text: textOf(event) }, state === undefined ? {} : { state })
  for (const event of graph.events.values()) {
    if (event === late) await receive(event, [...graph.stateBefore('lost').values()])
    else if (event !== lost) await receive(event)
  }
  await roomWriter.write(room, { type: 'm.room.message', sender: us, content: { body: 'all ends' } })
}

function textOf(event: Event): string {
  return JSON.stringify({
    ...{ auth_events: event.authEvents, content: event.content, depth: event.depth },
    ...{ origin_server_ts: event.originServerTs, prev_events: event.prevEvents, room_id: event.roomId },
    ...{ sender: event.sender, type: event.type, state_key: event.stateKey },
  })
}
