import assert from 'node:assert/strict'
import type { JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../test/databases.ts'
import { crossKeys, keyHouse, TestCrossKey, TestDevice, type KeyHouse } from '../../test/keys.ts'
import type { Requester } from './requester.ts'

const unproven = { authenticated: false }
const proven = { authenticated: true }

async function queried(house: KeyHouse, requester: Requester, target = requester): Promise<(string | undefined)[]> {
  const answer = await house.deviceKeys.query(requester, new Map([[target.userId, []]]))
  return [answer.master_keys, answer.self_signing_keys, answer.user_signing_keys].map((keys) => {
    const key = keys[target.userId] as { keys: Record<string, string> } | undefined
    return Object.values(key?.keys ?? {})[0]
  })
}

eachEngine('the first cross-signing keys and the same again need no proof, others do', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const bob = await house.user('bob', 'LAPTOP')
  const keys = crossKeys(alice.userId)
  assert.equal(await house.crossSigning.upload(alice.userId, keys.upload, unproven), 'stored')
  const position = house.streams.deviceLists.position
  assert.equal(await house.crossSigning.upload(alice.userId, keys.upload, unproven), 'stored')
  const { selfSigning } = keys.upload
  assert.equal(await house.crossSigning.upload(alice.userId, { selfSigning }, unproven), 'stored')
  assert.deepEqual(await house.deviceLists.changedUsersSince(position, house.streams.deviceLists.position), [])

  const others = crossKeys(alice.userId)
  assert.equal(await house.crossSigning.upload(alice.userId, others.upload, unproven), 'needs_authentication')
  const all = [keys.master.publicKey, keys.selfSigning.publicKey, keys.userSigning.publicKey]
  assert.deepEqual(await queried(house, alice), all)
  assert.deepEqual(await queried(house, bob, alice), [...all.slice(0, 2), undefined], 'whom others verify is their own')
  assert.equal(await house.crossSigning.upload(alice.userId, others.upload, proven), 'stored')
  assert.equal((await queried(house, alice))[0], others.master.publicKey)
})

eachEngine('two first uploads at once store one set of keys', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const uploads = [crossKeys(alice.userId), crossKeys(alice.userId)]
  const verdicts = await Promise.all(
    uploads.map((keys) => house.crossSigning.upload(alice.userId, keys.upload, unproven)),
  )
  assert.deepEqual(verdicts.toSorted(), ['needs_authentication', 'stored'])
  const winner = uploads[verdicts.indexOf('stored')]
  assert.equal((await queried(house, alice))[0], winner?.master.publicKey)
})

eachEngine('a new master key takes away what the old one signed', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  const deviceKeys = phone.keys()
  await house.deviceKeys.upload(alice, { deviceKeys })
  const old = crossKeys(alice.userId)
  await house.crossSigning.upload(alice.userId, old.upload, unproven)
  const signed = { [alice.userId]: { PHONE: old.selfSigning.sign(deviceKeys) } }
  assert.deepEqual(await house.keySignatures.upload(alice.userId, signed), {})

  const master = new TestCrossKey(alice.userId, 'master')
  await house.crossSigning.upload(alice.userId, { master: master.object() }, proven)
  assert.deepEqual(await queried(house, alice), [master.publicKey, undefined, undefined])
  const answer = await house.deviceKeys.query(alice, new Map([[alice.userId, []]]))
  assert.deepEqual(answer.device_keys[alice.userId]?.['PHONE']?.['signatures'], deviceKeys['signatures'])

  const selfSigning = new TestCrossKey(alice.userId, 'self_signing')
  const later = { selfSigning: selfSigning.object(master) }
  assert.equal(await house.crossSigning.upload(alice.userId, later, unproven), 'needs_authentication')
  assert.equal(await house.crossSigning.upload(alice.userId, later, proven), 'stored')
  assert.deepEqual(await queried(house, alice), [master.publicKey, selfSigning.publicKey, undefined])
})

eachEngine('cross-signing keys that are malformed, unsigned or taken are refused', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const keys = crossKeys(alice.userId)
  const stranger = crossKeys(alice.userId)
  const refused = (upload: Parameters<typeof house.crossSigning.upload>[1], code: string): Promise<void> =>
    assert.rejects(house.crossSigning.upload(alice.userId, upload, proven), { code })
  const master = keys.master.object()
  await refused({ selfSigning: keys.upload.selfSigning }, 'M_MISSING_PARAM')
  await refused({ master, selfSigning: keys.selfSigning.object() }, 'M_INVALID_SIGNATURE')
  await refused({ master, userSigning: keys.userSigning.object(stranger.master) }, 'M_INVALID_SIGNATURE')
  const bad: JsonObject[] = [
    {},
    { ...master, user_id: '@bob:here' },
    { ...master, usage: [] },
    { ...master, usage: 'master' },
    { ...master, keys: {} },
    { ...master, keys: { ...(master['keys'] as JsonObject), other: 'x' } },
    { ...master, keys: { [`ed25519:${keys.master.publicKey}`]: stranger.master.publicKey } },
    { ...master, keys: { 'ed25519:abc': 'abc' } },
    { ...master, signatures: 'x' },
    { ...master, float: 1.5 },
  ]
  for (const each of bad) await refused({ master: each }, 'M_BAD_JSON')
  await refused({ master: { ...master, padding: 'x'.repeat(70_000) } }, 'M_TOO_LARGE')
  const twice = { user_id: alice.userId, usage: ['self_signing'], keys: master['keys'] as JsonObject }
  await refused({ master, selfSigning: keys.master.sign(twice) }, 'M_FORBIDDEN')
  assert.deepEqual(await queried(house, alice), [undefined, undefined, undefined])

  await house.user('alice', keys.master.publicKey)
  await refused({ master }, 'M_FORBIDDEN')
})

eachEngine('a master key may bear the signature of a device, if it is right', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const phone = new TestDevice(alice)
  await house.deviceKeys.upload(alice, { deviceKeys: phone.keys() })
  const { master } = crossKeys(alice.userId)
  const wrong = { ...master.object(), signatures: { [alice.userId]: { 'ed25519:PHONE': 'AAAA' } } }
  await assert.rejects(house.crossSigning.upload(alice.userId, { master: wrong }, unproven), {
    code: 'M_INVALID_SIGNATURE',
  })
  assert.equal(
    await house.crossSigning.upload(alice.userId, { master: phone.sign(master.object()) }, unproven),
    'stored',
  )
})
