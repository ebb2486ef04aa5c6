import assert from 'node:assert/strict'
import type { JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../test/databases.ts'
import { keyHouse, TestDevice, type KeyHouse } from '../../test/keys.ts'
import type { Requester } from './requester.ts'

const algorithm = 'signed_curve25519'

/** Claims a key of the device; gives its id, or undefined when there is none. */
async function claim(house: KeyHouse, owner: Requester): Promise<string | undefined> {
  const claimed = await house.oneTimeKeys.claim(new Map([[owner.userId, new Map([[owner.deviceId, algorithm]])]]))
  const [name] = Object.keys(claimed.get(owner.userId)?.get(owner.deviceId) ?? {})
  return name?.slice(algorithm.length + 1)
}

eachEngine(
  'one-time keys are given away once each, in the order of their uploads, then the fallback',
  async (_t, db) => {
    const house = await keyHouse(db)
    const alice = await house.user('alice', 'PHONE')
    const phone = new TestDevice(alice)
    await house.deviceKeys.upload(alice, { oneTimeKeys: phone.oneTimeKeys('z', 'y') })
    const fallbackKeys = { [`${algorithm}:fb`]: phone.sign({ key: 'fallback', fallback: true }) }
    const counts = await house.deviceKeys.upload(alice, { oneTimeKeys: phone.oneTimeKeys('a'), fallbackKeys })
    assert.deepEqual(counts, { [algorithm]: 3 })
    assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).unusedFallbackTypes, [algorithm])

    const first = [await claim(house, alice), await claim(house, alice)]
    assert.deepEqual(new Set(first), new Set(['z', 'y']))
    assert.equal(await claim(house, alice), 'a')
    assert.equal(await claim(house, alice), 'fb')
    assert.equal(await claim(house, alice), 'fb')
    const after = await house.oneTimeKeys.counts(alice.userId, 'PHONE')
    assert.deepEqual(after, { counts: { [algorithm]: 0 }, unusedFallbackTypes: [] })

    await house.deviceKeys.upload(alice, { fallbackKeys })
    const same = await house.oneTimeKeys.counts(alice.userId, 'PHONE')
    assert.deepEqual(same.unusedFallbackTypes, [], 'the same fallback key again is still a used one')
    await house.deviceKeys.upload(alice, { fallbackKeys: { [`${algorithm}:fb2`]: phone.sign({ key: 'second' }) } })
    assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).unusedFallbackTypes, [algorithm])
    assert.equal(await claim(house, alice), 'fb2')
  },
)

eachEngine('an upload that comes again queues nothing twice, not even keys claimed meanwhile', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  const oneTimeKeys = phone.oneTimeKeys('a', 'b', 'c')
  await house.deviceKeys.upload(alice, { oneTimeKeys })
  assert.equal(await claim(house, alice), 'a')
  assert.deepEqual(await house.deviceKeys.upload(alice, { oneTimeKeys }), { [algorithm]: 2 })
  assert.equal(await claim(house, alice), 'b')
  assert.equal(await claim(house, alice), 'c')
  assert.equal(await claim(house, alice), undefined)
})

eachEngine(
  'another key under the id of one that waits is refused and nothing of the upload is kept',
  async (_t, db) => {
    const house = await keyHouse(db)
    const alice = await house.user('alice', 'PHONE')
    const phone = new TestDevice(alice)
    await house.deviceKeys.upload(alice, { oneTimeKeys: phone.oneTimeKeys('a') })
    const other: JsonObject = { ...phone.oneTimeKeys('b'), [`${algorithm}:a`]: phone.sign({ key: 'another' }) }
    await assert.rejects(house.deviceKeys.upload(alice, { oneTimeKeys: other }), { code: 'M_INVALID_PARAM' })
    assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, { [algorithm]: 1 })
    const resigned = { [`${algorithm}:a`]: { key: 'key a', signatures: { [alice.userId]: { 'ed25519:PHONE': 'x' } } } }
    assert.deepEqual(await house.deviceKeys.upload(alice, { oneTimeKeys: resigned }), { [algorithm]: 1 })

    assert.equal(await claim(house, alice), 'a')
    await house.deviceKeys.upload(alice, { oneTimeKeys: other })
    assert.deepEqual([await claim(house, alice), await claim(house, alice)], ['b', 'a'], 'a claimed id is free again')
  },
)

eachEngine('a claim takes one query for many devices and leaves the rest alone', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE', 'TABLET')
  const bob = await house.user('bob', 'PHONE')
  for (const owner of [alice, { ...alice, deviceId: 'TABLET' }, bob]) {
    await house.deviceKeys.upload(owner, { oneTimeKeys: new TestDevice(owner).oneTimeKeys('a', 'b') })
  }
  const before = house.interactions.length
  const wanted = new Map([
    [
      alice.userId,
      new Map([
        ['PHONE', algorithm],
        ['NOBODY', algorithm],
        ['NUL\0', algorithm],
      ]),
    ],
    [
      bob.userId,
      new Map([
        ['PHONE', 'curve25519'],
        ['TABLET', algorithm],
      ]),
    ],
  ])
  const claimed = await house.oneTimeKeys.claim(wanted)
  assert.equal(house.interactions.length, before + 1)
  assert.deepEqual([...claimed.keys()], [alice.userId])
  assert.deepEqual([...(claimed.get(alice.userId)?.keys() ?? [])], ['PHONE'])
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'TABLET')).counts, { [algorithm]: 2 })
  assert.deepEqual((await house.oneTimeKeys.counts(bob.userId, 'PHONE')).counts, { [algorithm]: 2 })
})

eachEngine('counts are read once, and anew after each change', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  await house.oneTimeKeys.counts(alice.userId, 'PHONE')
  const before = house.interactions.length
  for (let round = 0; round < 5; round++) await house.oneTimeKeys.counts(alice.userId, 'PHONE')
  assert.equal(house.interactions.length, before)
  await house.deviceKeys.upload(alice, { oneTimeKeys: new TestDevice(alice).oneTimeKeys('a') })
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, { [algorithm]: 1 })
})

eachEngine('a device with another identity loses the keys that its old one signed', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  await house.deviceKeys.upload(alice, { deviceKeys: phone.keys(), oneTimeKeys: phone.oneTimeKeys('a', 'b') })
  const fresh = new TestDevice(alice)
  const counts = await house.deviceKeys.upload(alice, { deviceKeys: fresh.keys(), oneTimeKeys: fresh.oneTimeKeys('a') })
  assert.deepEqual(counts, { [algorithm]: 1 })
})

eachEngine('keys that are malformed, too many or too large are refused', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const upload = (oneTimeKeys: JsonObject, fallbackKeys: JsonObject = {}): Promise<unknown> =>
    house.deviceKeys.upload(alice, { oneTimeKeys, fallbackKeys })
  const bad: JsonObject[] = [
    { noColon: 'x' },
    { ':x': 'x' },
    { 'a:': 'x' },
    { 'a:\0': 'x' },
    { 'a:b': 1 },
    { 'a:b': null },
  ]
  bad.push({ 'a:b': { key: 'without signatures' } }, { 'a:b': { key: 1, signatures: {} } })
  bad.push({ 'a:b': { key: 'x', signatures: {}, float: 1.5 } }, { 'a:b': '\ud800' }, { [`a:${'b'.repeat(300)}`]: 'x' })
  for (const keys of bad) {
    await assert.rejects(upload(keys), { code: 'M_BAD_JSON' }, JSON.stringify(keys))
    await assert.rejects(upload({}, keys), { code: 'M_BAD_JSON' }, JSON.stringify(keys))
  }
  await assert.rejects(upload({}, { 'a:1': 'x', 'a:2': 'y' }), { code: 'M_INVALID_PARAM' })
  await assert.rejects(upload({ 'a:b': 'x'.repeat(20_000) }), { code: 'M_TOO_LARGE' })
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`a:${index}`, 'x']))
  await assert.rejects(upload(many), { code: 'M_TOO_LARGE' })
  const stranger = { ...alice, deviceId: 'GONE' }
  await assert.rejects(house.deviceKeys.upload(stranger, { oneTimeKeys: { 'a:b': 'x' } }), { code: 'M_UNKNOWN_TOKEN' })
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, {})
})

eachEngine('claimed keys are remembered for a while and then forgotten', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  for (let round = 0; round < 4; round++) {
    const ids = Array.from({ length: 100 }, (_, index) => `${round}-${index}`)
    await house.deviceKeys.upload(alice, { oneTimeKeys: phone.oneTimeKeys(...ids) })
    for (let count = 0; count < 100; count++) await claim(house, alice)
  }
  await house.deviceKeys.upload(alice, { oneTimeKeys: phone.oneTimeKeys('last') })
  const row = await db.runInteraction('count', (txn) =>
    txn.get<{ n: number }>('SELECT COUNT(*) AS n FROM one_time_keys'),
  )
  assert.equal(row?.n, 201)
})
