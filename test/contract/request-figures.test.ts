/** What the line of a request says of the database, held against what PostgreSQL has counted meanwhile. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import pg from 'pg'

import { createLogger } from '#observability/logger.ts'
import { parseServerName } from '#protocol/identifiers.ts'

import type { Config } from '../../src/app/config.ts'
import { openHomeserver } from '../../src/app/homeserver.ts'
import { startOwnPostgres } from '../own-postgres.ts'
import { postgresMissing } from '../postgres.ts'

/** What is counted of a request, on either side. */
interface Figures {
  readonly queries: number
  readonly rows: number
}

interface Counted {
  /** Sends a request; gives its answer, what its line says, and what the server has counted meanwhile. */
  ask(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ readonly answer: Record<string, unknown>; readonly line: Figures; readonly server: Figures }>
  become(token: string): void
}

/** A homeserver on a PostgreSQL that counts statements. */
async function openCounted(t: TestContext): Promise<Counted> {
  // Transactions begin and end in utility statements, which are not counted on either side.
  const { url, stop } = await startOwnPostgres([
    'fsync=off',
    'shared_preload_libraries=pg_stat_statements',
    'pg_stat_statements.track=top',
    'pg_stat_statements.track_utility=off',
  ])
  const counter = new pg.Client({ connectionString: url.replace(/\/postgres\?/, '/template1?') })
  await counter.connect()
  await counter.query('CREATE EXTENSION pg_stat_statements')
  const dataFolder = await mkdtemp(join(tmpdir(), 'tessera-figures-'))
  const config: Config = {
    serverName: parseServerName('localhost'),
    publicAddress: undefined,
    dataFolder,
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined, trustedProxies: [], apis: ['client'] }],
    database: { url, poolSize: 3 },
    registration: { mode: 'open', sharedSecret: undefined },
    rateLimits: {},
    plugIns: [],
    log: { level: 'info', format: 'json', slowRequestMs: 20_000, slowQueryMs: 5_000 },
    tracing: undefined,
  }
  const lines = new Map<string, Figures>()
  const write = (text: string): void => {
    const line = JSON.parse(text) as Record<string, unknown>
    if (line['message'] === 'Processed request')
      lines.set(String(line['request']), { queries: Number(line['db_queries']), rows: Number(line['db_rows']) })
  }
  const logger = createLogger({ level: 'info', format: 'json', destination: { write } })
  const homeserver = await openHomeserver(config, logger)
  t.after(async () => {
    await homeserver.close()
    await counter.end()
    await stop()
    await rm(dataFolder, { recursive: true })
  })
  await backgroundAtRest(url)
  let token = ''
  const ask: Counted['ask'] = async (method, path, body) => {
    const before = await counted(counter)
    const response = await fetch(`${homeserver.addresses[0]}/_matrix/client/v3/${path}`, {
      method,
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Record<string, unknown>
    assert.equal(response.status, 200, JSON.stringify(answer))
    const id = response.headers.get('x-request-id') ?? ''
    // The line comes after the answer.
    while (!lines.has(id)) await delay(1)
    const after = await counted(counter)
    const server = { queries: after.queries - before.queries, rows: after.rows - before.rows }
    return { answer, line: lines.get(id) as Figures, server }
  }
  return {
    ask,
    become: (next) => {
      token = next
    },
  }
}

/** All that the server has counted in the homeserver's database, but for the number that a transaction is given with its BEGIN. */
async function counted(counter: pg.Client): Promise<Figures> {
  const { rows } = await counter.query<{ calls: string; rows: string }>(
    `SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(rows), 0) AS rows FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'postgres')
       AND query NOT LIKE '%pg_current_xact_id%' AND query NOT LIKE '%pg_control_checkpoint%'
       AND query NOT LIKE '%set_config%'`,
  )
  return { queries: Number(rows[0]?.calls), rows: Number(rows[0]?.rows) }
}

/** Waits until nothing is left that a start goes on with in the background. */
async function backgroundAtRest(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const left = `SELECT count(*) AS count FROM background_migrations WHERE done_ts IS NULL`
  while (Number((await client.query<{ count: string }>(left)).rows[0]?.count) > 0) await delay(10)
  await client.end()
}

test(
  'the queries and rows in the line of a request are those that PostgreSQL counts',
  { skip: postgresMissing() ?? false },
  async (t) => {
    const { ask, become } = await openCounted(t)
    const seen: string[] = []
    const check = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      const { answer, line, server } = await ask(method, path, body)
      assert.deepEqual(line, server, `${method} ${path}`)
      if (line.queries > 0) seen.push(path.split('?', 1)[0] ?? '')
      return answer
    }
    const register = (username: string): Promise<Record<string, unknown>> =>
      check('POST', 'register', { username, password: 'a long password', auth: { type: 'm.login.dummy' } })
    const ann = String((await register('ann'))['access_token'])
    const ben = String((await register('ben'))['access_token'])
    become(ann)
    const { room_id: roomId } = await check('POST', 'createRoom', { preset: 'public_chat' })
    const room = `rooms/${encodeURIComponent(String(roomId))}`
    become(ben)
    await check('POST', `${room}/join`, {})
    const { next_batch: since } = await check('GET', 'sync?timeout=0')
    become(ann)
    await check('GET', 'sync?timeout=0')
    for (let number = 0; number < 3; number += 1)
      await check('PUT', `${room}/send/m.room.message/${number}`, { msgtype: 'm.text', body: `number ${number}` })
    await check('PUT', `${room}/state/m.room.name/`, { name: 'a room' })
    become(ben)
    await check('GET', `${room}/messages?dir=b&limit=20`)
    await check('GET', `sync?timeout=0&since=${encodeURIComponent(String(since))}`)
    await check('GET', `${room}/members`)
    await check('GET', `${room}/state`)
    await check('POST', `${room}/leave`, {})
    // Some are answered from memory; these never are.
    for (const path of [
      'register',
      'createRoom',
      'sync',
      `${room}/join`,
      `${room}/messages`,
      `${room}/send/m.room.message/0`,
    ])
      assert.ok(seen.includes(path), path)
  },
)
