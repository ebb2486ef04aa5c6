import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openTalkers } from '../../../test/talkers.ts'

const path = '/_matrix/client/v1/room_summary'

eachEngine('a room is summed up for those who may know of it', async (t, database) => {
  const { people, alice, bob } = await openTalkers(t, database)
  const open = await alice.createRoom({ preset: 'public_chat', name: 'Tea', topic: 'Leaves' })
  const summary = await bob.ok('GET', `${path}/${open}`)
  assert.deepEqual(summary, {
    room_id: open,
    name: 'Tea',
    topic: 'Leaves',
    join_rule: 'public',
    world_readable: false,
    guest_can_join: false,
    num_joined_members: 1,
    room_version: '12',
    'im.nheko.summary.version': '12',
  })
  assert.equal((await alice.ok('GET', `${path}/${open}`)).membership, 'join')
  assert.equal((await people.call('GET', `${path}/${open}`)).status, 200, 'without a token too')

  const closed = await alice.createRoom({ name: 'Secret' })
  const hidden = await bob.call('GET', `${path}/${closed}`)
  assert.equal(hidden.status, 404)
  assert.deepEqual(await bob.call('GET', `${path}/!nowhere:example.org`), hidden)
  await alice.ok('POST', `/_matrix/client/v3/rooms/${closed}/invite`, { user_id: bob.userId })
  assert.equal((await bob.ok('GET', `${path}/${closed}`)).membership, 'invite')
})

eachEngine('the members of a room see what rooms it opens to them', async (t, database) => {
  const { alice, bob, carol } = await openTalkers(t, database)
  const club = await alice.createRoom({ preset: 'public_chat' })
  const allow = [{ type: 'm.room_membership', room_id: club }]
  const rules = { type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }
  const inner = await alice.createRoom({ initial_state: [rules] })
  await bob.ok('POST', `/_matrix/client/v3/join/${club}`)
  assert.deepEqual((await bob.ok('GET', `${path}/${inner}`)).allowed_room_ids, [club])
  assert.equal((await carol.call('GET', `${path}/${inner}`)).status, 404)
})
