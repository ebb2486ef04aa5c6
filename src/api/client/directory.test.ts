import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import type { Answered } from '../../../test/people.ts'
import { openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

eachEngine('rooms have names that members give and those who may take away', async (t, database) => {
  const { alice, bob, carol } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'tea' })
  const alias = (name: string): string => `${client}/directory/room/${encode(`#${name}:example.org`)}`
  assert.deepEqual(await carol.ok('GET', alias('tea')), { room_id: roomId, servers: ['example.org'] })
  assert.equal((await carol.call('PUT', alias('mine'), { room_id: roomId })).body.errcode, 'M_FORBIDDEN')
  assert.equal((await bob.ok('POST', `${client}/join/${encode('#tea:example.org')}`)).room_id, roomId)
  await bob.ok('PUT', alias('coffee'), { room_id: roomId })
  const taken = await bob.call('PUT', alias('tea'), { room_id: roomId })
  assert.deepEqual([taken.status, taken.body.errcode], [409, 'M_UNKNOWN'])
  assert.deepEqual(await bob.ok('GET', `${client}/rooms/${roomId}/aliases`), {
    aliases: ['#tea:example.org', '#coffee:example.org'],
  })
  const canonical = (content: object): Promise<Answered> =>
    alice.call('PUT', `${client}/rooms/${roomId}/state/m.room.canonical_alias/`, content)
  assert.equal((await canonical({ alias: '#coffee:example.org' })).status, 200)
  assert.equal((await canonical({ alt_aliases: ['#nobody:example.org'] })).body.errcode, 'M_BAD_ALIAS')
  assert.equal((await canonical({ alt_aliases: ['nonsense'] })).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await bob.call('DELETE', alias('tea'))).body.errcode, 'M_FORBIDDEN')
  const joinOthers = (server: string, joined: number): Promise<number> =>
    database.runInteraction('join_others', (txn) =>
      txn.run('INSERT INTO room_servers SELECT room_nid, ?, ? FROM rooms', server, joined),
    )
  await joinOthers('small.example', 1)
  await joinOthers('large.example', 9)
  assert.deepEqual((await carol.ok('GET', alias('tea'))).servers, ['example.org', 'large.example', 'small.example'])
  await alice.ok('DELETE', alias('coffee'))
  await alice.ok('DELETE', alias('tea'))
  assert.equal((await carol.call('GET', alias('tea'))).body.errcode, 'M_NOT_FOUND')
  assert.equal((await carol.call('GET', `${client}/directory/room/nonsense`)).body.errcode, 'M_INVALID_PARAM')
  const foreign = `${client}/directory/room/${encode('#a:elsewhere.org')}`
  assert.equal((await bob.call('PUT', foreign, { room_id: roomId })).body.errcode, 'M_INVALID_PARAM')
})
