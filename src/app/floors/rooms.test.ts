import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import type { JsonObject } from '#protocol/json.ts'
import { parseServerName } from '#protocol/identifiers.ts'
import type { Config } from '../config.ts'
import { openHomeserver } from '../homeserver.ts'

type Call = (method: string, path: string, token?: string, body?: object) => Promise<JsonObject>

/** A whole homeserver on its own folder, until the test ends; `call` insists on status 200. */
async function openTrial(t: TestContext): Promise<Call> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  const config: Config = {
    serverName: parseServerName('localhost'),
    publicAddress: undefined,
    dataFolder: folder,
    listeners: [{ address: '127.0.0.1', port: 0, apis: ['client'], tls: undefined, trustedProxies: [] }],
    database: { url: `sqlite:${join(folder, 'homeserver.db')}`, poolSize: 5 },
    registration: { mode: 'open', sharedSecret: undefined },
    rateLimits: {},
    log: { level: 'info', format: 'text', slowRequestMs: 2_000, slowQueryMs: 500 },
    tracing: undefined,
    plugIns: [],
  }
  const homeserver = await openHomeserver(config, silentLogger)
  t.after(async () => {
    await homeserver.close()
    await rm(folder, { recursive: true })
  })
  return async (method, path, token, body) => {
    const response = await fetch(`${homeserver.addresses[0]}/_matrix/client/v3/${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as JsonObject
    assert.equal(response.status, 200, JSON.stringify(answer))
    return answer
  }
}

async function register(call: Call, username: string): Promise<string> {
  const body = { username, password: 'correct horse', auth: { type: 'm.login.dummy' } }
  return (await call('POST', 'register', undefined, body))['access_token'] as string
}

test('a user’s new name shows in their rooms, and the end of their account takes them out', async (t) => {
  const call = await openTrial(t)
  const alice = await register(call, 'alice')
  const bob = await register(call, 'bob')
  const { room_id: both } = await call('POST', 'createRoom', bob, { invite: ['@alice:localhost'] })
  const { room_id: invitedOnly } = await call('POST', 'createRoom', bob, { invite: ['@alice:localhost'] })
  await call('POST', `rooms/${String(both)}/join`, alice, {})
  const memberOf = (room: unknown): Promise<JsonObject> =>
    call('GET', `rooms/${String(room)}/state/m.room.member/@alice:localhost`, bob)
  await call('PUT', 'profile/@alice:localhost/displayname', alice, { displayname: 'Alice' })
  assert.deepEqual(await memberOf(both), { displayname: 'Alice', membership: 'join' })
  assert.equal((await memberOf(invitedOnly))['membership'], 'invite')
  const auth = { type: 'm.login.password', user: 'alice', password: 'correct horse' }
  await call('POST', 'account/deactivate', alice, { auth })
  assert.deepEqual(await memberOf(both), { membership: 'leave' })
  assert.deepEqual(await memberOf(invitedOnly), { membership: 'leave' })
})
