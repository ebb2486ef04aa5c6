import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openTalkers, type Person } from '../../../test/talkers.ts'
import type { People } from '../../../test/people.ts'

const v3 = '/_matrix/client/v3'

/** An administrator's calls: those of an account that is one. */
async function openAdmin(people: People): Promise<(method: string, path: string, body?: object) => Promise<Answer>> {
  await people.registration.register({ username: 'root', password: 'correct horse', admin: true, inhibitLogin: true })
  const identifier = { type: 'm.id.user', user: 'root' }
  const login = { type: 'm.login.password', identifier, password: 'correct horse' }
  const token: string = (await people.call('POST', `${v3}/login`, { body: login })).body.access_token
  return (method, path, body) =>
    people.call(method, `/_synapse/admin/${path}`, { token, ...(body === undefined ? {} : { body }) })
}

type Answer = Awaited<ReturnType<People['call']>>

/** Asks until the status is none of those of work under way. */
async function ended(ask: () => Promise<Answer>): Promise<Answer['body']> {
  for (;;) {
    const { body } = await ask()
    if (!['shutting_down', 'purging', 'active'].includes(body.status)) return body
    await new Promise(setImmediate)
  }
}

async function talk(person: Person, roomId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < count; at += 1) ids.push(await person.say(roomId, `${at}`))
  return ids
}

eachEngine('an administrator deletes a room, and nobody else does', async (t, database) => {
  const { people, alice, bob, carol } = await openTalkers(t, database)
  const admin = await openAdmin(people)
  const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'gone', invite: [carol.userId] })
  await bob.ok('POST', `${v3}/join/${roomId}`)
  await talk(bob, roomId, 5)
  const path = `v2/rooms/${roomId}`
  assert.equal((await alice.call('DELETE', `/_synapse/admin/${path}`, {})).status, 403)
  assert.equal((await admin('GET', `${path}/delete_status`)).status, 404)
  assert.equal((await admin('DELETE', path, { block: true })).body.errcode, 'M_INVALID_PARAM')
  const { delete_id: deleteId } = (await admin('DELETE', path, { message: 'closed' })).body
  const status = await ended(() => admin('GET', `v2/rooms/delete_status/${deleteId}`))
  assert.deepEqual(status, {
    delete_id: deleteId,
    room_id: roomId,
    status: 'complete',
    shutdown_room: {
      kicked_users: [alice.userId, bob.userId, carol.userId],
      failed_to_kick_users: [],
      local_aliases: ['#gone:example.org'],
      new_room_id: null,
    },
  })
  assert.deepEqual((await admin('GET', `${path}/delete_status`)).body.results, [status])
  assert.equal((await bob.call('GET', `${v3}/rooms/${roomId}/messages?dir=b`)).status, 403)
  assert.deepEqual((await bob.ok('GET', `${v3}/joined_rooms`)).joined_rooms, [])
  assert.equal((await alice.call('GET', `${v3}/directory/room/%23gone:example.org`)).status, 404)
  assert.equal((await admin('DELETE', path, {})).status, 404)
})

eachEngine(
  'a room is emptied without being deleted, and deleted while the administrator waits',
  async (t, database) => {
    const { people, alice } = await openTalkers(t, database)
    const admin = await openAdmin(people)
    const roomId = await alice.createRoom()
    const emptied = await admin('DELETE', `v1/rooms/${roomId}`, { purge: false })
    assert.deepEqual([emptied.status, emptied.body.kicked_users], [200, [alice.userId]])
    assert.equal((await alice.call('GET', `${v3}/rooms/${roomId}/messages?dir=b`)).status, 200, 'she may read what was')
    assert.equal((await admin('DELETE', `v1/rooms/${roomId}`, {})).status, 200)
    assert.equal((await alice.call('GET', `${v3}/rooms/${roomId}/messages?dir=b`)).status, 403)
  },
)

eachEngine('an administrator purges history up to an event or a time', async (t, database) => {
  const { people, alice } = await openTalkers(t, database)
  const admin = await openAdmin(people)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const ids = await talk(alice, roomId, 20)
  const texts = async (): Promise<string[]> =>
    (await alice.ok('GET', `${v3}/rooms/${roomId}/messages?dir=f&limit=100`)).chunk.flatMap(
      (event: { event_id: string; type: string }) => (event.type === 'm.room.message' ? event.event_id : []),
    )
  const path = `v1/purge_history/${roomId}`
  const all = { delete_local_events: true }
  assert.equal((await alice.call('POST', `/_synapse/admin/${path}`, all)).status, 403)
  assert.equal((await admin('POST', `${path}/${ids[3]}`, {})).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await admin('POST', path, all)).body.errcode, 'M_MISSING_PARAM')
  assert.equal((await admin('POST', `${path}/$unknown`, all)).status, 404)
  const { purge_id: first } = (await admin('POST', `${path}/${ids[8]}`, all)).body
  const done = await ended(() => admin('GET', `v1/purge_history_status/${first}`))
  assert.deepEqual(done, { status: 'complete' })
  assert.deepEqual(await texts(), ids.slice(8))
  const ts = (await alice.ok('GET', `${v3}/rooms/${roomId}/event/${ids[15]}`)).origin_server_ts
  const { purge_id: second } = (await admin('POST', path, { ...all, purge_up_to_ts: ts })).body
  await ended(() => admin('GET', `v1/purge_history_status/${second}`))
  assert.ok(!(await texts()).includes(ids[14] ?? ''))
  assert.ok((await texts()).includes(ids[19] ?? ''))
  assert.equal((await admin('GET', `v1/purge_history_status/none`)).status, 404)
})
