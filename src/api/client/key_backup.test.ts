import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const versions = '/_matrix/client/v3/room_keys/version'
const keys = '/_matrix/client/v3/room_keys/keys'
const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const room = encodeURIComponent('!room:example.org')

const session = { first_message_index: 1, forwarded_count: 0, is_verified: true, session_data: { ciphertext: 'x' } }

eachEngine('a backup is made, filled, read, emptied and deleted through its fourteen doors', async (t, database) => {
  const people = await openPeople(t, database)
  const { token } = await people.person('alice')
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await people.call(method, path, body === undefined ? { token } : { token, body })
    assert.equal(answer.status, 200, `${method} ${path} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  assert.deepEqual(await call('POST', versions, { algorithm, auth_data: { public_key: 'k' } }), { version: '1' })
  const info = { version: '1', algorithm, auth_data: { public_key: 'k' }, count: 0, etag: '0' }
  assert.deepEqual(await call('GET', versions), info)
  assert.deepEqual(await call('GET', `${versions}/1`), info)
  assert.deepEqual(await call('PUT', `${versions}/1`, { algorithm, auth_data: { public_key: 'l' }, version: '1' }), {})

  assert.deepEqual(await call('PUT', `${keys}/${room}/a%2Fb?version=1`, session), { count: 1, etag: '1' })
  assert.deepEqual(await call('PUT', `${keys}/${room}?version=1`, { sessions: { c: session } }), {
    count: 2,
    etag: '2',
  })
  const rooms = { '!other:example.org': { sessions: { d: session } } }
  assert.deepEqual(await call('PUT', `${keys}?version=1`, { rooms }), { count: 3, etag: '3' })

  assert.deepEqual(await call('GET', `${keys}/${room}/a%2Fb?version=1`), session)
  const ofRoom = { sessions: { 'a/b': session, c: session } }
  assert.deepEqual(await call('GET', `${keys}/${room}?version=1`), ofRoom)
  assert.deepEqual(await call('GET', `${keys}?version=1`), { rooms: { ...rooms, '!room:example.org': ofRoom } })

  assert.deepEqual(await call('DELETE', `${keys}/${room}/c?version=1`), { count: 2, etag: '4' })
  assert.deepEqual(await call('DELETE', `${keys}/${room}?version=1`), { count: 1, etag: '5' })
  assert.deepEqual(await call('DELETE', `${keys}?version=1`), { count: 0, etag: '6' })
  assert.deepEqual(await call('GET', `${keys}?version=1`), { rooms: {} })
  assert.deepEqual(await call('DELETE', `${versions}/1`), {})
  assert.deepEqual(await call('DELETE', `${versions}/1`), {})
})

eachEngine('bad requests to a backup are refused by name', async (t, database) => {
  const people = await openPeople(t, database)
  const { token } = await people.person('alice')
  const refused = async (method: string, path: string, expected: readonly unknown[], body?: unknown) => {
    const answer = await people.call(method, path, body === undefined ? { token } : { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], expected, `${method} ${path} ${JSON.stringify(body)}`)
    return answer.body
  }
  assert.equal((await people.call('GET', versions)).body.errcode, 'M_MISSING_TOKEN')
  await refused('GET', versions, [404, 'M_NOT_FOUND'])
  await refused('PUT', `${keys}/${room}/a?version=1`, [404, 'M_NOT_FOUND'], session)
  await refused('POST', versions, [400, 'M_MISSING_PARAM'], { algorithm })
  await refused('POST', versions, [400, 'M_BAD_JSON'], { algorithm, auth_data: [] })
  for (let count = 0; count < 2; count++) {
    await people.call('POST', versions, { token, body: { algorithm, auth_data: {} } })
  }
  const wrong = await refused('PUT', `${keys}?version=1`, [403, 'M_WRONG_ROOM_KEYS_VERSION'], { rooms: {} })
  assert.equal(wrong.current_version, '2')
  await refused('GET', `${versions}/9`, [404, 'M_NOT_FOUND'])
  await refused('PUT', `${versions}/2`, [400, 'M_INVALID_PARAM'], { algorithm, auth_data: {}, version: '1' })
  await refused('PUT', `${versions}/2`, [400, 'M_INVALID_PARAM'], { algorithm: 'x', auth_data: {} })
  await refused('GET', keys, [400, 'M_MISSING_PARAM'])
  await refused('GET', `${keys}/nowhere?version=2`, [400, 'M_INVALID_PARAM'])
  await refused('GET', `${keys}/${room}/a?version=2`, [404, 'M_NOT_FOUND'])
  const put = (body: unknown, code: string) => refused('PUT', `${keys}/${room}/a?version=2`, [400, code], body)
  await put({}, 'M_MISSING_PARAM')
  await put({ ...session, first_message_index: -1 }, 'M_BAD_JSON')
  await put({ ...session, first_message_index: 1.5 }, 'M_BAD_JSON')
  await put({ ...session, forwarded_count: '1' }, 'M_BAD_JSON')
  await put({ ...session, is_verified: 1 }, 'M_BAD_JSON')
  await put({ ...session, session_data: 'x' }, 'M_BAD_JSON')
  await refused('PUT', `${keys}?version=2`, [400, 'M_INVALID_PARAM'], {
    rooms: { nowhere: { sessions: { a: session } } },
  })
  await refused('PUT', `${keys}?version=2`, [400, 'M_BAD_JSON'], { rooms: { '!a:b': { sessions: { 'a\n': null } } } })
})
