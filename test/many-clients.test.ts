/** Ten thousand clients that come and go: in the middle of a long poll, of a request, of its answer, or without a word. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { engines, type Engine } from './databases.ts'
import { postgresMissing } from './postgres.ts'
import { serverPlace, startServer, type ServerProcess } from './server-process.ts'

const clients = 10_000
const atOnce = 500
/**
 * What the server may keep of JavaScript at all, some 50 MiB more than it needs: a few kilobytes kept of each client
 * would end it. Without a limit, memory grows for as long as collecting it is not worth the time.
 */
process.env['NODE_OPTIONS'] = '--max-old-space-size=100'
const comingTrueMsMax = 60_000

/** A server whose figures can be asked for. */
async function openMeasured(t: TestContext, engine: Engine): Promise<ServerProcess> {
  const started: ServerProcess[] = []
  t.after(() => Promise.all(started.map((server) => server.kill())))
  const place = await serverPlace(t, engine)
  await (await startServer(place)).stop()
  const config = join(place.folder, 'tessera.yaml')
  writeFileSync(config, readFileSync(config, 'utf8').replace('apis: [client]', 'apis: [client, metrics]'))
  const server = await startServer(place)
  started.push(server)
  return server
}

async function ask(
  { address }: ServerProcess,
  method: string,
  path: string,
  options: { readonly token?: string; readonly body?: object } = {},
): Promise<Record<string, unknown>> {
  const { token, body } = options
  const response = await fetch(`${address}/_matrix/client/v3/${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  assert.equal(response.status, 200)
  return (await response.json()) as Record<string, unknown>
}

interface Figures {
  readonly polls: number
  readonly inUse: number
  readonly waiting: number
  readonly files: number
}

async function figures(server: ServerProcess): Promise<Figures> {
  const text = await (await fetch(`${server.address}/metrics`)).text()
  const read = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN)
  return {
    polls: read('tessera_sync_waiting_polls'),
    inUse: read('tessera_database_pool_in_use'),
    waiting: read('tessera_database_pool_waiting'),
    files: readdirSync(`/proc/${server.pid}/fd`).length,
  }
}

async function until(server: ServerProcess, isTrue: (now: Figures) => boolean): Promise<Figures> {
  const deadline = performance.now() + comingTrueMsMax
  for (;;) {
    const now = await figures(server)
    if (isTrue(now)) return now
    if (performance.now() > deadline) throw new Error(`it did not come true: ${JSON.stringify(now)}`)
    await delay(20)
  }
}

/** One who logged in, and where their last sync ended. */
interface Person {
  readonly token: string
  readonly since: string
  readonly room: string
}

/** What a client has said when it goes; a poll is answered to nobody, and so is the rest. */
function words(kind: number, { token, since, room }: Person): string {
  const head = (line: string): string => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`
  switch (kind) {
    case 0:
      return `${head(`GET /_matrix/client/v3/sync?timeout=600000&since=${encodeURIComponent(since)}`)}\r\n`
    case 1:
      return `${head(`PUT /_matrix/client/v3/rooms/${room}/send/m.room.message/1`)}Content-Length: 1000\r\n\r\n{"body":`
    case 2:
      return `${head(`GET /_matrix/client/v3/rooms/${room}/messages?dir=b&limit=50`)}\r\n`
    case 3:
      return head(`GET /_matrix/client/v3/rooms/${room}/members`).slice(0, -10)
    default:
      return ''
  }
}

const kinds = 5

function arrive(server: ServerProcess, said: string): Promise<Socket> {
  const { port } = new URL(server.address)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      if (said !== '') socket.write(said)
      resolve(socket)
    })
    socket.on('error', reject)
    socket.resume()
  })
}

function leave(socket: Socket, index: number): void {
  // Half of them as a program that was killed, whose machine says nothing nice.
  if (index % 2 === 0) socket.resetAndDestroy()
  else socket.destroy()
}

for (const engine of engines) {
  const skip = process.platform !== 'linux' || (engine === 'postgres' && (postgresMissing() ?? false))
  test(`ten thousand clients come and go and leave nothing behind (${engine})`, { skip }, async (t) => {
    const server = await openMeasured(t, engine)
    const people = await Promise.all(
      Array.from({ length: 4 }, async (_, number): Promise<Person> => {
        const body = { username: `p${number}`, password: 'a long password', auth: { type: 'm.login.dummy' } }
        const token = String((await ask(server, 'POST', 'register', { body }))['access_token'])
        const { room_id: roomId } = await ask(server, 'POST', 'createRoom', { token, body: {} })
        const { next_batch: since } = await ask(server, 'GET', 'sync', { token })
        return { token, since: String(since), room: encodeURIComponent(String(roomId)) }
      }),
    )
    const rest = await figures(server)
    for (let arrived = 0; arrived < clients; arrived += atOnce) {
      const sockets = await Promise.all(
        Array.from({ length: atOnce }, (_, index) =>
          arrive(server, words(index % kinds, people[Math.floor(index / kinds) % people.length] as Person)),
        ),
      )
      await until(server, ({ polls }) => polls === atOnce / kinds)
      for (const [index, socket] of sockets.entries()) leave(socket, index)
      await until(
        server,
        ({ polls, inUse, waiting, files }) => polls + inUse + waiting === 0 && files <= rest.files + 8,
      )
    }
    const [{ token, room } = people[0] as Person] = people
    const body = { msgtype: 'm.text', body: 'hello' }
    await ask(server, 'PUT', `rooms/${room}/send/m.room.message/last`, { token, body })
    const { chunk } = await ask(server, 'GET', `rooms/${room}/messages?dir=b&limit=50`, { token })
    const said = (chunk as readonly { readonly type: string }[]).filter(({ type }) => type === 'm.room.message')
    assert.equal(said.length, 1)
    assert.equal(await server.stop(), 0)
  })
}
