import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startProgram, type ServerProcess } from '../../test/server-process.ts'

async function start(t: TestContext): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  const listeners = [{ port: 0, apis: ['client', 'metrics'] }]
  const config = { server_name: 'localhost', listeners, registration: { mode: 'open' } }
  // YAML reads JSON.
  writeFileSync(join(folder, 'tessera.yaml'), JSON.stringify(config))
  const server = await startProgram(['start', '--data', folder])
  t.after(async () => {
    await server.kill()
    rmSync(folder, { recursive: true })
  })
  return server
}

test('SIGTERM ends a long poll with an empty answer, takes nobody else, and the program ends well', async (t) => {
  const server = await start(t)
  const body = JSON.stringify({ username: 'ann', password: 'correct horse', auth: { type: 'm.login.dummy' } })
  const made = await fetch(`${server.address}/_matrix/client/v3/register`, { method: 'POST', body })
  const { access_token: token } = (await made.json()) as { access_token: string }
  const sync = async (query: string): Promise<{ status: number; body: Record<string, unknown> }> => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${server.address}/_matrix/client/v3/sync?${query}`, { headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const first = await sync('timeout=0')
  const since = String(first.body['next_batch'])
  // What the first answer had changed is read, so that the poll has nothing to tell.
  const poll = sync(`since=${since}&timeout=60000`)
  await pollHeldBy(server)
  const stopped = server.stop()
  const { status, body: answer } = await poll
  assert.equal(status, 200)
  assert.deepEqual([answer['next_batch'], answer['rooms']], [since, undefined])
  assert.equal(await stopped, 0)
  await assert.rejects(fetch(`${server.address}/health`))
})

/** Waits until the server holds a long poll. */
async function pollHeldBy(server: ServerProcess): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`${server.address}/metrics`)).text()
    if (/^tessera_sync_waiting_polls 1$/m.test(metrics)) return
  }
}

test('SIGTERM waits for a request that does not end only so long', async (t) => {
  const server = await start(t)
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write('POST /_matrix/client/v3/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
  // A request that is answered after it: so it has been seen.
  assert.equal((await fetch(`${server.address}/health`)).status, 200)
  const cut = once(socket, 'close')
  assert.equal(await server.stop(), 0)
  await cut
})
