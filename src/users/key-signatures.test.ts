import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { eachEngine } from '../../test/databases.ts'
import { crossKeys, keyHouse, TestDevice, type KeyHouse } from '../../test/keys.ts'
import type { Requester } from './requester.ts'

/** The ids of the keys of `signer` that signed the target's master key, as the requester sees it. */
async function masterSigners(house: KeyHouse, requester: Requester, target: UserId, signer: UserId): Promise<string[]> {
  const answer = await house.deviceKeys.query(requester, new Map([[target, []]]))
  const signatures = answer.master_keys[target]?.['signatures']
  const own = isJsonObject(signatures) ? signatures[signer] : undefined
  return Object.keys(isJsonObject(own) ? own : {})
}

/** Two users with a device and cross-signing keys each. */
async function twoPeople(house: KeyHouse) {
  const alice = await house.user('alice', 'PHONE')
  const bob = await house.user('bob', 'LAPTOP')
  const phone = new TestDevice(alice)
  const deviceKeys = phone.keys()
  await house.deviceKeys.upload(alice, { deviceKeys })
  await house.deviceKeys.upload(bob, { deviceKeys: new TestDevice(bob).keys() })
  const ofAlice = crossKeys(alice.userId)
  const ofBob = crossKeys(bob.userId)
  await house.crossSigning.upload(alice.userId, ofAlice.upload, { authenticated: false })
  await house.crossSigning.upload(bob.userId, ofBob.upload, { authenticated: false })
  return { alice, bob, phone, deviceKeys, ofAlice, ofBob }
}

eachEngine('everyone sees that a device is signed by its own user', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice, bob, deviceKeys, ofAlice } = await twoPeople(house)
  const position = house.streams.deviceLists.position
  const signed = ofAlice.selfSigning.sign(deviceKeys)
  assert.deepEqual(await house.keySignatures.upload(alice.userId, { [alice.userId]: { PHONE: signed } }), {})
  const answer = await house.deviceKeys.query(bob, new Map([[alice.userId, []]]))
  assert.deepEqual(answer.device_keys[alice.userId]?.['PHONE']?.['signatures'], signed['signatures'])
  const now = house.streams.deviceLists.position
  assert.deepEqual(await house.deviceLists.changedUsersSince(position, now), [alice.userId])
})

eachEngine('whom a user verified is seen by that user alone', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice, bob, ofAlice, ofBob } = await twoPeople(house)
  const carol = await house.user('carol', 'WATCH')
  const position = house.streams.deviceLists.position
  const upload = { [bob.userId]: { [ofBob.master.publicKey]: ofAlice.userSigning.sign(ofBob.upload.master) } }
  assert.deepEqual(await house.keySignatures.upload(alice.userId, upload), {})
  assert.deepEqual(await masterSigners(house, alice, bob.userId, alice.userId), [ofAlice.userSigning.keyId])
  assert.deepEqual(await masterSigners(house, bob, bob.userId, alice.userId), [])
  assert.deepEqual(await masterSigners(house, carol, bob.userId, alice.userId), [])
  const now = house.streams.deviceLists.position
  assert.deepEqual(await house.deviceLists.changedUsersSince(position, now), [])
  assert.deepEqual(await house.deviceLists.signedUsersSince(alice.userId, position, now), [bob.userId])
  assert.deepEqual(await house.deviceLists.signedUsersSince(bob.userId, position, now), [])
})

eachEngine('a device signs its own user’s master key for all to see', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice, bob, phone, ofAlice } = await twoPeople(house)
  const upload = { [alice.userId]: { [ofAlice.master.publicKey]: phone.sign(ofAlice.upload.master) } }
  assert.deepEqual(await house.keySignatures.upload(alice.userId, upload), {})
  assert.deepEqual(await masterSigners(house, bob, alice.userId, alice.userId), ['ed25519:PHONE'])
})

eachEngine('each wrong signature fails for itself and is not stored', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice, bob, phone, deviceKeys, ofAlice, ofBob } = await twoPeople(house)
  const forged = { ...deviceKeys, signatures: { [alice.userId]: { [ofAlice.selfSigning.keyId]: 'AAAA' } } }
  const failures = async (upload: JsonObject): Promise<string[]> => {
    const answer = await house.keySignatures.upload(alice.userId, upload)
    return Object.values(answer).flatMap((keys) => Object.values(keys).map((failure) => failure.errcode))
  }
  const bobsMaster = ofBob.master.publicKey
  assert.deepEqual(await failures({ [alice.userId]: { PHONE: forged } }), ['M_INVALID_SIGNATURE'])
  assert.deepEqual(await failures({ [alice.userId]: { NOBODY: deviceKeys } }), ['M_NOT_FOUND'])
  assert.deepEqual(await failures({ [bob.userId]: { LAPTOP: deviceKeys } }), ['M_NOT_FOUND'])
  assert.deepEqual(await failures({ '@nobody:here': { x: deviceKeys } }), ['M_NOT_FOUND'])
  const changed = ofAlice.selfSigning.sign({ ...deviceKeys, algorithms: [] })
  assert.deepEqual(await failures({ [alice.userId]: { PHONE: changed } }), ['M_INVALID_SIGNATURE'])
  const byDevice = phone.sign(ofBob.upload.master)
  assert.deepEqual(await failures({ [bob.userId]: { [bobsMaster]: byDevice } }), ['M_INVALID_SIGNATURE'])
  const byUserSigning = ofAlice.userSigning.sign(deviceKeys)
  assert.deepEqual(await failures({ [alice.userId]: { PHONE: byUserSigning } }), ['M_INVALID_SIGNATURE'])

  const right = ofAlice.userSigning.sign(ofBob.upload.master)
  const mixed = { [alice.userId]: { PHONE: forged }, [bob.userId]: { [bobsMaster]: right } }
  assert.deepEqual(await failures(mixed), ['M_INVALID_SIGNATURE'])
  assert.deepEqual(await masterSigners(house, alice, bob.userId, alice.userId), [ofAlice.userSigning.keyId])
  const answer = await house.deviceKeys.query(alice, new Map([[alice.userId, []]]))
  assert.deepEqual(answer.device_keys[alice.userId]?.['PHONE']?.['signatures'], deviceKeys['signatures'])
})

eachEngine('uploads of another shape are refused', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice } = await twoPeople(house)
  const refused = (upload: JsonObject, code: string): Promise<void> =>
    assert.rejects(house.keySignatures.upload(alice.userId, upload), { code })
  await refused({ nobody: {} }, 'M_INVALID_PARAM')
  await refused({ [alice.userId]: [] }, 'M_BAD_JSON')
  await refused({ [alice.userId]: { PHONE: 'x' } }, 'M_BAD_JSON')
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`D${index}`, {}]))
  await refused({ [alice.userId]: many }, 'M_TOO_LARGE')
})

eachEngine('the names of objects’ own machinery are names like any others', async (_t, db) => {
  const house = await keyHouse(db)
  const { alice } = await twoPeople(house)
  const upload = JSON.parse(`{"${alice.userId}": {"__proto__": {}, "constructor": {}}}`) as JsonObject
  const answer = await house.keySignatures.upload(alice.userId, upload)
  assert.deepEqual(Object.keys(answer[alice.userId] ?? {}).toSorted(), ['__proto__', 'constructor'])
})
