/** For whom work is done is known wherever it is done: after awaits and timers, on threads, after commits, in the background. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

import { WorkerPool } from '#base/worker-pool.ts'
import { createLogger, silentLogger } from '#observability/logger.ts'
import { countThreadCpu, currentRequest, runInBackground } from '#observability/request-context.ts'
import { traceTo } from '#observability/spans.ts'
import { parseServerName, parseUserId } from '#protocol/identifiers.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import { Streams } from '#streams/streams.ts'

import type { Config } from '../../src/app/config.ts'
import { openHomeserver } from '../../src/app/homeserver.ts'
import { bodyRuns, eachEngine } from '../databases.ts'
import { startServer } from '../server-process.ts'

eachEngine('work is known for whose it is after awaits, timers, commits and wake-ups', async (_t, database) => {
  const streams = await Streams.open({ database, ids: new IdBlocks({ database }) })
  const ann = parseUserId('@ann:example.org')
  const start = streams.accountData.position
  const seen: string[] = []
  const see = (where: string): void => {
    seen.push(`${where} ${currentRequest()?.path ?? 'nobody'}`)
  }
  const polling = runInBackground('poll', async () => {
    await streams.notifier.wait(ann, () => streams.accountData.position > start, {
      timeoutMs: 60_000,
      signal: new AbortController().signal,
    })
    see('woken')
  })
  await runInBackground('write', async () => {
    await delay(1)
    see('later')
    await database.runInteraction('write', async (txn) => {
      see('inside')
      txn.afterCommit(() => see('committed'))
      await txn.all(`SELECT 1 AS one`)
      see('after a query')
    })
    streams.accountData.publish(await streams.accountData.reserve(1), { users: [ann] })
    see('published')
  })
  await polling
  assert.deepEqual(seen, [
    'later write',
    ...Array.from({ length: bodyRuns }, () => ['inside write', 'after a query write']).flat(),
    'committed write',
    ...['published write', 'woken poll'],
  ])
})

const threadSource = `
export function work(input, tell) {
  tell('Computed', { first: input[0] })
  const before = process.threadCpuUsage()
  for (let used = 0; used < 10_000; ) {
    const { user, system } = process.threadCpuUsage(before)
    used = user + system
  }
  return Uint8Array.from(input)
}`

test('what is said and used on a worker thread is told with the request it was done for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-thread-'))
  const file = join(folder, 'work.mjs')
  writeFileSync(file, threadSource)
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  const logger = createLogger({ level: 'info', format: 'json', destination: { write } })
  const pool = new WorkerPool({
    module: pathToFileURL(file),
    exportName: 'work',
    threads: 1,
    onWork: ({ cpuMs, told }) => {
      countThreadCpu(cpuMs)
      for (const { message, fields } of told) logger.info(message, fields)
    },
  })
  t.after(async () => {
    await pool.close()
    rmSync(folder, { recursive: true })
  })
  const run = (name: string, first: number): Promise<number> =>
    runInBackground(name, async () => {
      await pool.run(Uint8Array.of(first))
      logger.info('Done')
      return currentRequest()?.cpuMs ?? NaN
    })
  const used = await Promise.all([run('one', 1), run('two', 2)])
  for (const cpuMs of used) assert.ok(cpuMs > 5, `${cpuMs} ms`)
  const said = lines.map(({ message, work, first }) => [message, String(work).replace(/-\d+$/, ''), first])
  assert.deepEqual(
    said.filter(([message]) => message === 'Computed'),
    [
      ['Computed', 'one', 1],
      ['Computed', 'two', 2],
    ],
  )
  assert.deepEqual(
    said
      .filter(([message]) => message === 'Done')
      .map(([, work]) => work)
      .toSorted(),
    ['one', 'two'],
  )
})

async function configOf(t: TestContext): Promise<Config> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tessera-context-'))
  t.after(() => rm(dataFolder, { recursive: true, force: true }))
  return {
    serverName: parseServerName('localhost'),
    publicAddress: undefined,
    dataFolder,
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined, trustedProxies: [], apis: ['client'] }],
    database: { url: `sqlite:${join(dataFolder, 'homeserver.db')}`, poolSize: 5 },
    registration: { mode: 'open', sharedSecret: undefined },
    rateLimits: {},
    plugIns: [],
    log: { level: 'info', format: 'text', slowRequestMs: 2_000, slowQueryMs: 500 },
    tracing: undefined,
  }
}

test('every interaction of a server has a name of whom it is for, from its start to its end', async (t) => {
  const nobodys: string[] = []
  const background = new Set<string>()
  traceTo({
    begin: (name, kind, request) => {
      if (kind === 'interaction' && request === undefined) nobodys.push(name)
      if (request?.background === true) background.add(request.path)
      return undefined
    },
  })
  t.after(() => traceTo(undefined))
  const homeserver = await openHomeserver(await configOf(t), silentLogger)
  const call = async (method: string, path: string, token: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${homeserver.addresses[0]}/_matrix/client/v3/${path}`, {
      method,
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    assert.equal(response.status, 200)
    return (await response.json()) as Record<string, unknown>
  }
  const registration = { username: 'ann', password: 'a long password', auth: { type: 'm.login.dummy' } }
  const token = String((await call('POST', 'register', '', registration))['access_token'])
  const room = encodeURIComponent(String((await call('POST', 'createRoom', token, {}))['room_id']))
  await call('PUT', `rooms/${room}/typing/@ann:localhost`, token, { typing: true, timeout: 1 })
  await call('PUT', `rooms/${room}/send/m.room.message/1`, token, { msgtype: 'm.text', body: 'hello' })
  await call('GET', 'sync?timeout=0', token)
  await call('POST', `rooms/${room}/leave`, token, {})
  await homeserver.close()
  assert.deepEqual(nobodys, [])
  assert.ok(background.has('migrate') && background.has('write_last_seen'), [...background].join())
})

const faultyPlugIn = `
export const plugIn = () => ({
  addToUnsigned: (event) => {
    const { body } = event.content
    if (body === 'throw') setTimeout(() => { throw new Error('thrown by ' + body) }, 1)
    if (body === 'reject') setTimeout(() => void Promise.reject(new Error('thrown by ' + body)), 1)
    return {}
  },
})`

for (const body of ['throw', 'reject']) {
  test(`an error that nobody catches (${body}) is logged with the request it came from, and the process ends`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-fault-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'faulty.mjs'), faultyPlugIn)
    const place = { engine: 'sqlite', folder, databaseUrl: undefined } as const
    // The first start makes the configuration, in which the plug-in is then named.
    await (await startServer(place)).stop()
    const config = join(folder, 'tessera.yaml')
    const named = readFileSync(config, 'utf8').replace(/^plug_ins:.*$/m, 'plug_ins:\n  - module: ./faulty.mjs')
    writeFileSync(config, named)
    const server = await startServer(place)
    t.after(() => server.kill())
    const call = async (method: string, path: string, token: string, given?: object): Promise<Response> =>
      fetch(`${server.address}/_matrix/client/v3/${path}`, {
        method,
        headers: token === '' ? {} : { authorization: `Bearer ${token}` },
        ...(given === undefined ? {} : { body: JSON.stringify(given) }),
      })
    const registration = { username: 'ann', password: 'a long password', auth: { type: 'm.login.dummy' } }
    const { access_token: token } = (await (await call('POST', 'register', '', registration)).json()) as {
      access_token: string
    }
    const { room_id: roomId } = (await (await call('POST', 'createRoom', token, {})).json()) as { room_id: string }
    const room = `rooms/${encodeURIComponent(roomId)}`
    await call('PUT', `${room}/send/m.room.message/1`, token, { msgtype: 'm.text', body })
    const read = await call('GET', `${room}/messages?dir=b`, token)
    const request = read.headers.get('x-request-id') ?? ''
    assert.notEqual(request, '')
    assert.notEqual(await server.ended, 0)
    const line = server
      .printed()
      .split('\n')
      .find((each) => each.includes('An error that nobody caught'))
    assert.match(line ?? server.printed(), new RegExp(`request=${request}\\b.*requester=@ann:localhost`))
    assert.match(server.printed(), new RegExp(`thrown by ${body}`))
  })
}
