import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../../test/databases.ts'
import { crossKeys, TestDevice } from '../../../test/keys.ts'
import { openPeople } from '../../../test/people.ts'

const uploadPath = '/_matrix/client/v3/keys/device_signing/upload'
const signaturesPath = '/_matrix/client/v3/keys/signatures/upload'
const queryPath = '/_matrix/client/v3/keys/query'

function bodyOf(keys: ReturnType<typeof crossKeys>) {
  const { master, selfSigning, userSigning } = keys.upload
  return { master_key: master, self_signing_key: selfSigning, user_signing_key: userSigning }
}

eachEngine('cross-signing keys are first free to upload, and then change for a password', async (t, database) => {
  const people = await openPeople(t, database)
  const { userId, token } = await people.person('alice')
  const first = crossKeys(userId as UserId)
  const post = (body: unknown) => people.call('POST', uploadPath, { token, body })
  assert.deepEqual(await post(bodyOf(first)), { status: 200, body: {} })
  assert.deepEqual(await post(bodyOf(first)), { status: 200, body: {} })

  const second = crossKeys(userId as UserId)
  const challenge = await post(bodyOf(second))
  assert.equal(challenge.status, 401)
  assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.password'] }])
  const { session } = challenge.body
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, session }
  assert.equal((await post({ ...bodyOf(second), auth: { ...auth, password: 'wrong' } })).status, 401)
  const query = { token, body: { device_keys: { [userId]: [] } } }
  const before = await people.call('POST', queryPath, query)
  assert.deepEqual(before.body.master_keys[userId], first.upload.master)
  assert.equal((await post({ ...bodyOf(second), auth: { ...auth, password: 'correct horse' } })).status, 200)
  const after = await people.call('POST', queryPath, query)
  assert.deepEqual(after.body.master_keys[userId], second.upload.master)
  assert.deepEqual(after.body.self_signing_keys[userId], second.upload.selfSigning)
  assert.deepEqual(after.body.user_signing_keys[userId], second.upload.userSigning)
})

eachEngine('signatures are stored, or fail one by one', async (t, database) => {
  const people = await openPeople(t, database)
  const { userId, deviceId, token } = await people.person('alice')
  const device = new TestDevice({ userId: userId as UserId, deviceId })
  const deviceKeys = device.keys()
  await people.call('POST', '/_matrix/client/v3/keys/upload', { token, body: { device_keys: deviceKeys } })
  const keys = crossKeys(userId as UserId)
  await people.call('POST', uploadPath, { token, body: bodyOf(keys) })
  const body = { [userId]: { [deviceId]: keys.selfSigning.sign(deviceKeys), GONE: deviceKeys } }
  const answer = await people.call('POST', signaturesPath, { token, body })
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body.failures), [userId])
  assert.deepEqual(Object.keys(answer.body.failures[userId]), ['GONE'])
  assert.equal(answer.body.failures[userId].GONE.errcode, 'M_NOT_FOUND')
  const found = await people.call('POST', queryPath, { token, body: { device_keys: { [userId]: [] } } })
  const signers = Object.keys(found.body.device_keys[userId][deviceId].signatures[userId])
  assert.deepEqual(signers.toSorted(), [`ed25519:${deviceId}`, keys.selfSigning.keyId].toSorted())
})

eachEngine('bad uploads of cross-signing keys and signatures are refused by name', async (t, database) => {
  const people = await openPeople(t, database)
  const { userId, token } = await people.person('alice')
  const refused = async (path: string, body: unknown, errcode: string, status = 400): Promise<void> => {
    const answer = await people.call('POST', path, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body))
  }
  const { upload } = crossKeys(userId as UserId)
  assert.equal((await people.call('POST', uploadPath, { body: {} })).body.errcode, 'M_MISSING_TOKEN')
  await refused(uploadPath, { master_key: 'x' }, 'M_BAD_JSON')
  await refused(uploadPath, { master_key: {} }, 'M_BAD_JSON')
  await refused(uploadPath, { self_signing_key: upload.selfSigning }, 'M_MISSING_PARAM')
  const unsigned = { ...upload.selfSigning, signatures: {} }
  await refused(uploadPath, { master_key: upload.master, self_signing_key: unsigned }, 'M_INVALID_SIGNATURE')
  await refused(signaturesPath, [], 'M_BAD_JSON')
  await refused(signaturesPath, { [userId]: 1 }, 'M_BAD_JSON')
  await refused(signaturesPath, { nobody: {} }, 'M_INVALID_PARAM')
})
