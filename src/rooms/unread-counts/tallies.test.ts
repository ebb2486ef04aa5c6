import assert from 'node:assert/strict'
import type { JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../../test/databases.ts'
import { someone } from '../../../test/rooms-floor.ts'
import { openSyncFloor } from '../../../test/sync-floor.ts'
import { alice, aRoom, bob, carol, say, send, unread, unreadAfterStart } from '../../../test/unread-floor.ts'

eachEngine('redacted events do not count, whether they were counted or not', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const [first, second] = [await say(floor, alice, room), await say(floor, alice, room)]
  await floor.redact.redact({ requester: alice, room, eventId: first, content: {} })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
  await floor.redact.redact({ requester: alice, room, eventId: second, content: {} })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
})

eachEngine('edits, reactions, notices, names and joins do not count', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const id = await say(floor, alice, room)
  const edit = {
    'm.new_content': { msgtype: 'm.text', body: 'x' },
    'm.relates_to': { rel_type: 'm.replace', event_id: id },
  }
  await say(floor, alice, room, edit)
  const reaction = { 'm.relates_to': { rel_type: 'm.annotation', event_id: id, key: '+' } }
  await send(floor, alice, room, reaction, 'm.reaction')
  await say(floor, alice, room, { msgtype: 'm.notice' })
  await floor.sendEvent.send({ requester: alice, room, type: 'm.room.name', stateKey: '', content: { name: 'n' } })
  await floor.membership.join({ requester: someone('dave'), room })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
})

eachEngine(
  'events of ignored users do not count, and do again when they are no longer ignored',
  async (_t, database) => {
    const floor = await openSyncFloor(database)
    const room = await aRoom(floor)
    await say(floor, alice, room)
    await say(floor, carol, room)
    assert.deepEqual(await unread(floor, bob, room), [2, 0])
    const list = { ignored_users: { [carol.userId]: {} } }
    await floor.accountData.set(bob.userId, null, 'm.ignored_user_list', list)
    assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
    await floor.accountData.set(bob.userId, null, 'm.ignored_user_list', { ignored_users: {} })
    assert.deepEqual(await unreadAfterStart(floor, bob, room), [2, 0])
  },
)

eachEngine('who is meant, by mention or by name, sees it stand out', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const content = { membership: 'join', displayname: 'Robert B' }
  await floor.sendEvent.send({ requester: bob, room, type: 'm.room.member', stateKey: bob.userId, content })
  await say(floor, alice, room, { 'm.mentions': { user_ids: [bob.userId] } })
  assert.deepEqual(await unread(floor, bob, room), [1, 1])
  await say(floor, alice, room, { body: 'ask Robert B, he knows' })
  await say(floor, alice, room, { body: 'bob: are you there?' })
  await say(floor, alice, room, { body: 'bobby, are you there?' })
  await say(floor, alice, room, { body: 'bob and Robert B', 'm.mentions': {} })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [5, 3])
  assert.deepEqual(await unreadAfterStart(floor, carol, room), [5, 0])
})

eachEngine('the whole room is meant only by who may do so', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  await say(floor, carol, room, { 'm.mentions': { room: true } })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
  await say(floor, alice, room, { 'm.mentions': { room: true } })
  await say(floor, alice, room, { body: '@room: dinner' })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [3, 2])
  const levels = await floor.roomState.event(room, 'm.room.power_levels', '')
  const { content: before } = JSON.parse(levels?.json ?? '{}') as { content: JsonObject }
  const content = { ...before, notifications: { room: 0 } }
  await floor.sendEvent.send({ requester: alice, room, type: 'm.room.power_levels', stateKey: '', content })
  await say(floor, carol, room, { 'm.mentions': { room: true } })
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [4, 3])
})

eachEngine('a room that is muted counts nothing, and everything again when it is not', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await aRoom(floor)
  const other = await aRoom(floor)
  for (const each of [room, other]) for (let i = 0; i < 3; i++) await say(floor, alice, each)
  assert.deepEqual(await unread(floor, bob, room), [3, 0])
  const name = { userId: bob.userId, kind: 'room', ruleId: room.roomId }
  await floor.pushRules.put(name, { actions: [] }, {})
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [0, 0])
  assert.deepEqual(await unreadAfterStart(floor, bob, other), [3, 0])
  await floor.pushRules.enable(name, false)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [3, 0])
})

eachEngine('rules by the number of members see those who were there', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  await floor.membership.join({ requester: bob, room })
  const name = { userId: bob.userId, kind: 'underride', ruleId: '.m.rule.message' }
  await floor.pushRules.setActions(name, [])
  await say(floor, alice, room)
  await floor.membership.join({ requester: carol, room })
  await say(floor, alice, room)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [1, 0])
  await floor.membership.leave({ requester: carol, room })
  await say(floor, alice, room)
  assert.deepEqual(await unreadAfterStart(floor, bob, room), [2, 0])
})
