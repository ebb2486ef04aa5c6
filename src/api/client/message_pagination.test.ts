import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { idsOf, openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

eachEngine('two people talk, and history is read both ways without hole or repeat', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/join/${encode(roomId)}`, {})
  const said: string[] = []
  for (let index = 0; index < 7; index++) said.push(await (index % 2 ? alice : bob).say(roomId, `no ${index}`))

  const backwards: string[] = []
  let query = 'dir=b&limit=3'
  for (let page = 0; page < 20; page++) {
    const answer = await bob.ok('GET', `${client}/rooms/${roomId}/messages?${query}`)
    backwards.push(...idsOf(answer.chunk))
    if (answer.end === undefined) break
    query = `dir=b&limit=3&from=${answer.end}`
  }
  assert.equal(new Set(backwards).size, backwards.length)
  assert.deepEqual(backwards.slice(0, 7), said.toReversed())
  assert.equal(backwards.length, 7 + 7)

  const forwards: string[] = []
  query = 'dir=f&limit=5'
  for (let page = 0; page < 20; page++) {
    const answer = await alice.ok('GET', `${client}/rooms/${roomId}/messages?${query}`)
    forwards.push(...idsOf(answer.chunk))
    if (answer.end === undefined) break
    query = `dir=f&limit=5&from=${answer.end}`
  }
  assert.deepEqual(forwards, backwards.toReversed())

  const filter = encode(JSON.stringify({ types: ['m.room.message'], senders: [bob.userId], lazy_load_members: true }))
  const filtered = await alice.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=100&filter=${filter}`)
  assert.deepEqual(
    idsOf(filtered.chunk),
    [6, 4, 2, 0].map((index) => said[index]),
  )
  assert.deepEqual(
    filtered.state.map((event: { state_key: string }) => event.state_key),
    [bob.userId],
  )
})

eachEngine('who joins later sees what the history visibility of the time lets them see', async (t, database) => {
  const { alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const shared = await alice.say(roomId, 'shared')
  await alice.state(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
  const hidden = await alice.say(roomId, 'hidden')
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const later = await alice.say(roomId, 'later')
  const seen = idsOf((await bob.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=100`)).chunk)
  assert.equal(seen.includes(shared), true)
  assert.equal(seen.includes(hidden), false)
  assert.equal(seen.includes(later), true)
  assert.equal((await bob.call('GET', `${client}/rooms/${roomId}/event/${encode(hidden)}`)).status, 404)
})

eachEngine('bad questions about history are refused by name', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const path = `${client}/rooms/${roomId}/messages`
  for (const query of ['', 'dir=x', 'dir=b&limit=-1', 'dir=b&from=nonsense', 'dir=b&filter={"types":7}'])
    assert.match((await alice.call('GET', `${path}?${query}`)).body.errcode, /^M_(MISSING|INVALID)_PARAM$/, query)
  assert.equal((await alice.call('GET', `${path}?dir=b&filter={`)).body.errcode, 'M_NOT_JSON')
  assert.equal((await alice.call('GET', `${client}/rooms/nonsense/messages?dir=b`)).body.errcode, 'M_INVALID_PARAM')
})
