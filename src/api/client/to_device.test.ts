import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

const path = '/_matrix/client/v3/sendToDevice'

eachEngine('a message goes to a device once, however often it is sent', async (t, database) => {
  const people = await openPeople(t, database)
  const alice = await people.person('alice')
  const bob = await people.person('bob')
  const body = { messages: { [bob.userId]: { [bob.deviceId]: { hello: 'bob' } }, '@carol:elsewhere': { '*': {} } } }
  for (let round = 0; round < 2; round++) {
    const answer = await people.call('PUT', `${path}/m.test/txn%2F1`, { token: alice.token, body })
    assert.deepEqual(answer, { status: 200, body: {} })
  }
  const range = { from: 0, to: people.streams.toDevice.position, limit: 100 }
  const { texts } = await people.toDevice.since(bob.userId as UserId, bob.deviceId, range)
  const event = { content: { hello: 'bob' }, sender: alice.userId, type: 'm.test' }
  assert.deepEqual(
    texts.map((text) => JSON.parse(text) as unknown),
    [event],
  )
})

eachEngine('bad messages are refused by name', async (t, database) => {
  const people = await openPeople(t, database)
  const { userId, token } = await people.person('alice')
  const refused = async (txn: string, body: unknown, errcode: string, status = 400): Promise<void> => {
    const answer = await people.call('PUT', `${path}/m.test/${txn}`, { token, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body).slice(0, 99))
  }
  assert.equal((await people.call('PUT', `${path}/m.test/1`, { body: {} })).body.errcode, 'M_MISSING_TOKEN')
  await refused('1', '{"broken', 'M_NOT_JSON')
  await refused('1', {}, 'M_MISSING_PARAM')
  await refused('1', { messages: [] }, 'M_BAD_JSON')
  await refused('1', { messages: { [userId]: { D: 'text' } } }, 'M_BAD_JSON')
  await refused('1', { messages: { [userId]: { 'D\n': null } } }, 'M_BAD_JSON')
  await refused('1', { messages: { nobody: {} } }, 'M_INVALID_PARAM')
  await refused('1', { messages: { [userId]: { D: { text: 'x'.repeat(70_000) } } } }, 'M_TOO_LARGE', 413)
  await refused('t'.repeat(300), { messages: {} }, 'M_INVALID_PARAM')
})
