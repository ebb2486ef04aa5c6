import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../test/databases.ts'
import { keyHouse, type KeyHouse } from '../../test/keys.ts'
import type { Requester } from './requester.ts'
import type { ToDeviceMessages } from './to-device.ts'

function messages(of: Record<string, Record<string, JsonObject>>): ToDeviceMessages {
  return new Map(Object.entries(of).map(([userId, devices]) => [userId as UserId, new Map(Object.entries(devices))]))
}

async function waiting(house: KeyHouse, userId: string, deviceId: string, part = { from: 0, limit: 100 }) {
  const to = house.streams.toDevice.position
  const { texts, position } = await house.toDevice.since(userId as UserId, deviceId, { ...part, to })
  return { events: texts.map((text) => JSON.parse(text) as JsonObject), position }
}

async function people(house: KeyHouse): Promise<Requester> {
  const alice = await house.user('alice', 'PHONE', 'TABLET')
  await house.user('bob', 'LAPTOP', 'WATCH')
  return alice
}

eachEngine('a message waits for the device it names, until that says it has it', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  await house.toDevice.send(alice, 'm.test', '1', messages({ '@bob:here': { LAPTOP: { n: 1 } } }))
  await house.toDevice.send(alice, 'm.test', '2', messages({ '@bob:here': { LAPTOP: { n: 2 } } }))
  const event = { content: { n: 1 }, sender: alice.userId, type: 'm.test' }
  const { events, position } = await waiting(house, '@bob:here', 'LAPTOP')
  assert.deepEqual(events, [event, { ...event, content: { n: 2 } }])
  assert.deepEqual((await waiting(house, '@bob:here', 'LAPTOP')).events.length, 2, 'not received before it says so')
  assert.deepEqual((await waiting(house, '@bob:here', 'WATCH')).events, [])
  await house.toDevice.acknowledge('@bob:here' as UserId, 'LAPTOP', position)
  assert.deepEqual((await waiting(house, '@bob:here', 'LAPTOP')).events, [])
  const left = await db.runInteraction('count', (txn) => txn.all('SELECT json FROM to_device_messages'))
  assert.deepEqual(left, [])
})

eachEngine('a star names all devices of a user, a device of its own goes before it', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  const bodies = { '@bob:here': { '*': { all: true }, WATCH: { all: false } }, '@nobody:here': { '*': {} } }
  await house.toDevice.send(alice, 'm.test', '1', messages({ ...bodies, '@carol:elsewhere': { X: {} } }))
  assert.deepEqual((await waiting(house, '@bob:here', 'LAPTOP')).events[0]?.['content'], { all: true })
  assert.deepEqual((await waiting(house, '@bob:here', 'WATCH')).events[0]?.['content'], { all: false })
})

eachEngine('devices that do not exist are passed over', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  await house.toDevice.send(alice, 'm.test', '1', messages({ '@bob:here': { GONE: {}, 'NUL\0': {}, WATCH: { n: 1 } } }))
  assert.equal((await waiting(house, '@bob:here', 'WATCH')).events.length, 1)
  assert.equal((await waiting(house, '@bob:here', 'GONE')).events.length, 0)
})

eachEngine('a request that comes again sends nothing again, unless much later or from elsewhere', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  const body = messages({ '@bob:here': { LAPTOP: {} } })
  await Promise.all([1, 2, 3].map(() => house.toDevice.send(alice, 'm.test', '1', body)))
  assert.equal((await waiting(house, '@bob:here', 'LAPTOP')).events.length, 1)
  await house.toDevice.send({ ...alice, deviceId: 'TABLET' }, 'm.test', '1', body)
  await house.toDevice.send(alice, 'm.other', '1', body)
  assert.equal((await waiting(house, '@bob:here', 'LAPTOP')).events.length, 3)
  house.clock.ms += 25 * 60 * 60 * 1000
  await house.toDevice.send(alice, 'm.test', '2', body)
  const kept = await db.runInteraction('count', (txn) => txn.all('SELECT txn_id FROM to_device_requests'))
  assert.equal(kept.length, 1)
})

eachEngine('many messages come in parts, in order, each with the position to go on from', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  for (let n = 0; n < 25; n++) {
    await house.toDevice.send(alice, 'm.test', String(n), messages({ '@bob:here': { LAPTOP: { n } } }))
  }
  const seen: unknown[] = []
  let position = 0
  for (let part = 0; part < 3; part++) {
    const answer = await waiting(house, '@bob:here', 'LAPTOP', { from: position, limit: 10 })
    seen.push(...answer.events.map((event) => (event['content'] as JsonObject)['n']))
    position = answer.position
    await house.toDevice.acknowledge('@bob:here' as UserId, 'LAPTOP', position)
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, n) => n),
  )
  assert.equal(position, house.streams.toDevice.position)
})

eachEngine('an idle device costs no query', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  const bob = '@bob:here' as UserId
  const start = house.streams.toDevice.position
  await house.toDevice.acknowledge(bob, 'LAPTOP', start)
  await house.toDevice.send(alice, 'm.test', '1', messages({ '@alice:here': { TABLET: {} } }))
  const before = house.interactions.length
  const to = house.streams.toDevice.position
  assert.deepEqual(await house.toDevice.since(bob, 'LAPTOP', { from: start, to, limit: 100 }), {
    texts: [],
    position: to,
  })
  await house.toDevice.acknowledge(bob, 'LAPTOP', to)
  assert.equal(house.interactions.length, before)
})

eachEngine('a position from the future loses nothing', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  await house.toDevice.acknowledge('@bob:here' as UserId, 'LAPTOP', 999_999_999)
  await house.toDevice.send(alice, 'm.test', '1', messages({ '@bob:here': { LAPTOP: {} } }))
  assert.equal((await waiting(house, '@bob:here', 'LAPTOP')).events.length, 1)
})

eachEngine('messages too large or too many, and names too long, are refused', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await people(house)
  const send = (type: string, txnId: string, content: JsonObject): Promise<void> =>
    house.toDevice.send(alice, type, txnId, messages({ '@bob:here': { LAPTOP: content } }))
  await assert.rejects(send('m.test', '1', { text: 'x'.repeat(65_536) }), { code: 'M_TOO_LARGE' })
  await assert.rejects(send('t'.repeat(256), '1', {}), { code: 'M_INVALID_PARAM' })
  await assert.rejects(send('m.test', 't'.repeat(256), {}), { code: 'M_INVALID_PARAM' })
  await assert.rejects(send('m.\0', '1', {}), { code: 'M_INVALID_PARAM' })
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`D${index}`, {}]))
  await assert.rejects(house.toDevice.send(alice, 'm.test', '1', messages({ '@bob:here': many })), {
    code: 'M_TOO_LARGE',
  })
  assert.deepEqual((await waiting(house, '@bob:here', 'LAPTOP')).events, [])
})
