import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import type { Answered } from '../../../test/people.ts'
import { openTalkers, type Person } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

eachEngine('receipts go forward, and private ones are seen by nobody else', async (t, database) => {
  const { people, alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const [first, second] = [await alice.say(roomId, 'first'), await alice.say(roomId, 'second')]
  const start = people.streams.receipts.position
  const receipt = (type: string, eventId: string, body: object = {}): Promise<Answered> =>
    bob.call('POST', `${client}/rooms/${roomId}/receipt/${type}/${encode(eventId)}`, body)
  assert.equal((await receipt('m.read', second)).status, 200)
  assert.equal((await receipt('m.read', first)).status, 200)
  assert.equal((await receipt('m.read.private', first)).status, 200)
  assert.equal((await receipt('m.read', first, { thread_id: 'main' })).status, 200)
  const room = await people.aliases.room(roomId)
  const seenBy = async (person: Person): Promise<unknown[]> => {
    const now = people.streams.receipts.position
    const texts = await people.receipts.since(person.userId as never, [room.roomNid], start, now)
    return (texts.get(room.roomNid) ?? []).map((text) => JSON.parse(text).content)
  }
  const [seen] = (await seenBy(alice)) as Record<string, Record<string, Record<string, { thread_id?: string }>>>[]
  assert.deepEqual(Object.keys(seen ?? {}).sort(), [first, second].sort())
  assert.deepEqual(Object.keys(seen?.[second] ?? {}), ['m.read'])
  assert.equal(seen?.[first]?.['m.read']?.[bob.userId]?.thread_id, 'main')
  assert.equal(JSON.stringify(await seenBy(alice)).includes('private'), false)
  assert.equal(JSON.stringify(await seenBy(bob)).includes('m.read.private'), true)

  for (const body of [{ thread_id: '' }, { thread_id: 7 }])
    assert.equal((await receipt('m.read', first, body)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await receipt('m.fully_read', first, { thread_id: 'main' })).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await receipt('m.unheard', first)).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await receipt('m.read', '$unknown')).body.errcode, 'M_NOT_FOUND')
  await bob.ok('POST', `${client}/rooms/${roomId}/read_markers`, { 'm.fully_read': first, 'm.read': second })
  const marker = `${client}/user/${bob.userId}/rooms/${roomId}/account_data/m.fully_read`
  assert.deepEqual(await bob.ok('GET', marker), { event_id: first })
})

eachEngine('one can say only of oneself that one is typing', async (t, database) => {
  const { people, alice, bob } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const path = `${client}/rooms/${roomId}/typing`
  await alice.ok('PUT', `${path}/${alice.userId}`, { typing: true, timeout: 20_000 })
  assert.equal((await alice.call('PUT', `${path}/${bob.userId}`, { typing: true })).body.errcode, 'M_FORBIDDEN')
  const { roomNid } = await people.aliases.room(roomId)
  assert.deepEqual(people.typing.inRoom(roomNid), [alice.userId])
  await alice.ok('PUT', `${path}/${alice.userId}`, { typing: false })
  assert.deepEqual(people.typing.inRoom(roomNid), [])
})
