import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import parsePrometheusTextFormat, { type PrometheusSample } from 'parse-prometheus-text-format'
import { createLogger, type LogFormat } from '#observability/logger.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import type { Config } from './config.ts'
import { openHomeserver } from './homeserver.ts'

interface Watched {
  readonly home: string
  readonly metrics: string
  readonly log: () => string
}

/** A homeserver with a listener for metrics, whose log is kept. */
async function openWatched(t: TestContext, format: LogFormat): Promise<Watched> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tessera-'))
  const listener = { address: '127.0.0.1', port: 0, tls: undefined, trustedProxies: ['127.0.0.1'] } as const
  const config: Config = {
    serverName: 'localhost' as ServerName,
    publicAddress: undefined,
    dataFolder,
    listeners: [
      { ...listener, apis: ['client'] },
      { ...listener, apis: ['metrics'] },
    ],
    database: { url: `sqlite:${join(dataFolder, 'homeserver.db')}`, poolSize: 5 },
    registration: { mode: 'open', sharedSecret: 'shared-SECRETshared' },
    rateLimits: {},
    plugIns: [],
    log: { level: 'debug', format, slowRequestMs: 2_000, slowQueryMs: 1 },
    tracing: undefined,
  }
  let log = ''
  const logger = createLogger({ level: 'debug', format, destination: { write: (line) => (log += line) } })
  const homeserver = await openHomeserver(config, logger)
  t.after(async () => {
    await homeserver.close()
    await rm(dataFolder, { recursive: true })
  })
  const [home = '', metrics = ''] = homeserver.addresses
  return { home, metrics, log: () => log }
}

async function ask(
  url: string,
  options: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }> {
  const { method = 'GET', token, body, headers = {} } = options
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body: answer }
}

async function register(home: string, username: string, password: string): Promise<string> {
  const url = `${home}/_matrix/client/v3/register`
  const { body } = await ask(url, { method: 'POST', body: { username, password, auth: { type: 'm.login.dummy' } } })
  return String(body['access_token'])
}

test('each request ends in one line with its figures, under the id that its answer names', async (t) => {
  const { home, log } = await openWatched(t, 'json')
  const token = await register(home, 'ann', 'a long password')
  const { body } = await ask(`${home}/_matrix/client/v3/createRoom`, { method: 'POST', token, body: {} })
  const roomId = encodeURIComponent(String(body['room_id']))
  const sent = await ask(`${home}/_matrix/client/v3/rooms/${roomId}/send/m.room.message/1`, {
    method: 'PUT',
    token,
    body: { body: 'hello', msgtype: 'm.text' },
    headers: { 'x-forwarded-for': '203.0.113.7' },
  })
  const id = sent.headers.get('x-request-id')
  const lines = log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['message'] === 'Processed request' && line['request'] === id)
  assert.equal(lines.length, 1)
  const [line = {}] = lines
  assert.equal(line['method'], 'PUT')
  assert.equal(line['route'], '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}')
  assert.equal(line['status'], 200)
  assert.equal(line['requester'], '@ann:localhost')
  assert.equal(typeof line['device'], 'string')
  assert.equal(line['ip'], '203.0.113.7')
  assert.equal(line['bytes'], JSON.stringify(sent.body).length)
  assert.ok(Number(line['db_queries']) > 0)
  assert.ok(Number(line['ms']) >= Number(line['db_run_ms']))
})

test('a request that comes to no endpoint is answered with its id, has its line without its address, and is counted', async (t) => {
  const { home, metrics, log } = await openWatched(t, 'json')
  const lost = await ask(`${home}/_matrix/client/SECRETpath?access_token=SECRETtoken`)
  const wrongMethod = await ask(`${home}/_matrix/client/versions`, { method: 'DELETE' })
  const large = await ask(`${home}/_matrix/client/v3/login`, { method: 'POST', body: 'x'.repeat(2_000_000) })
  assert.deepEqual([lost.status, wrongMethod.status, large.status], [404, 405, 413])
  const lines = log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const [answer, method, route] of [
    [lost, 'GET', 'unknown'],
    [wrongMethod, 'DELETE', 'unknown'],
    [large, 'POST', '/_matrix/client/v3/login'],
  ] as const) {
    const line = lines.find(({ request }) => request === answer.headers.get('x-request-id'))
    assert.deepEqual([line?.['method'], line?.['route'], line?.['status']], [method, route, answer.status])
  }
  assert.doesNotMatch(log(), /SECRET/)
  const scrape = await (await fetch(`${metrics}/metrics`)).text()
  assert.match(scrape, /^tessera_http_requests_total\{method="GET",route="unknown",status="404"\} 1$/m)
  assert.match(
    scrape,
    /^tessera_http_requests_total\{method="POST",route="\/_matrix\/client\/v3\/login",status="413"\} 1$/m,
  )
})

test('the line of a request for people has the same figures', async (t) => {
  const { home, log } = await openWatched(t, 'text')
  await ask(`${home}/_matrix/client/versions`)
  assert.match(
    log(),
    /^\S+Z INFO {2}Processed request: \S+ - 127\.0\.0\.1 [\d.]+ms cpu=[\d.]+ms db=\(0ms\/0ms\/0\) rows=0 events=0 \d+B 200 "GET \/_matrix\/client\/versions"$/m,
  )
})

test('no token, password or other secret comes into the log, wherever it was sent', async (t) => {
  const { home, log } = await openWatched(t, 'json')
  const secret = 'SECRETsecret42'
  const token = await register(home, 'ben', secret)
  const bad = `${secret}token`
  const calls = [
    ask(`${home}/_matrix/client/v3/account/whoami?access_token=${bad}`),
    ask(`${home}/_matrix/client/v3/sync?access_token=${token}&timeout=0`),
    ask(`${home}/_matrix/client/v3/account/whoami`, { token: bad }),
    ask(`${home}/${bad}/none?access_token=${bad}`),
    ask(`${home}/_matrix/client/v3/login`, {
      method: 'POST',
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ben' }, password: `${secret}x` },
    }),
    ask(`${home}/_matrix/client/v3/login`, { method: 'POST', body: `{"password": "${secret}", broken` }),
    ask(`${home}/_matrix/client/v3/login`, { method: 'POST', body: { type: 'm.login.token', token: bad } }),
    ask(`${home}/_matrix/client/v3/account/password`, {
      method: 'POST',
      token,
      body: {
        new_password: `${secret}new`,
        auth: {
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: 'ben' },
          password: `${secret}wrong`,
        },
      },
    }),
    ask(`${home}/_matrix/client/v3/refresh`, { method: 'POST', body: { refresh_token: bad } }),
    ask(`${home}/_synapse/admin/v1/register`, {
      method: 'POST',
      body: { nonce: 'x', username: 'c', password: secret, mac: bad },
    }),
  ]
  await Promise.all(calls)
  assert.match(log(), /Processed request/)
  for (const hidden of [secret, token, 'shared-SECRETshared']) assert.ok(!log().includes(hidden), hidden)
})

test('a scrape is what Prometheus reads, and has every metric that the dashboard names', async (t) => {
  const { home, metrics } = await openWatched(t, 'json')
  const token = await register(home, 'dan', 'a long password')
  await ask(`${home}/_matrix/client/v3/sync?timeout=0`, { token })
  await ask(`${home}/_matrix/client/v3/createRoom`, { method: 'POST', token, body: {} })
  const response = await fetch(`${metrics}/metrics`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  const families = new Map(parsePrometheusTextFormat(await response.text()).map((family) => [family.name, family]))
  const samplesOf = (name: string): readonly PrometheusSample[] => families.get(name)?.metrics ?? []
  assert.ok(samplesOf('tessera_http_requests_total').length >= 3)
  const statesHeld = samplesOf('tessera_cache_bytes').find(({ labels }) => labels?.['cache'] === 'live_rooms')
  assert.ok(Number(statesHeld?.value) > 0)
  const streams = samplesOf('tessera_stream_lag').map(({ labels, value }) => `${labels?.['stream']} ${value}`)
  assert.deepEqual(streams, ['events 0', 'account_data 0', 'receipts 0', 'to_device 0', 'device_lists 0', 'typing 0'])
  const dashboard = readFileSync(new URL('../../docs/grafana-dashboard.json', import.meta.url), 'utf8')
  const named = new Set(
    [...dashboard.matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g)].flatMap(([, expr = '']) =>
      [...expr.matchAll(/\b(?:tessera|process|nodejs)_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, '')),
    ),
  )
  assert.ok(named.size > 10)
  for (const name of named) assert.ok(families.has(name), `no metric ${name}`)
  const ours = [...families.keys()].filter((name) => name.startsWith('tessera_'))
  for (const name of ours) assert.ok(named.has(name), `${name} is on no panel`)
})

test('metrics have a listener of their own, and both tell of health', async (t) => {
  const { home, metrics } = await openWatched(t, 'json')
  assert.equal((await fetch(`${home}/metrics`)).status, 404)
  assert.equal((await fetch(`${metrics}/_matrix/client/versions`)).status, 404)
  for (const address of [home, metrics]) {
    for (const path of ['/health', '/ready']) assert.equal((await fetch(`${address}${path}`)).status, 200)
  }
})
