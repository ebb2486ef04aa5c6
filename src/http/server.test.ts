import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { Type } from './schema.ts'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { MatrixError } from '#protocol/errors.ts'
import { clientGone } from './client-gone.ts'
import { RateLimits } from './rate-limits.ts'
import { Answer, JsonText, routeFor, type Route } from './route.ts'
import { createServer, type HttpServer } from './server.ts'

const route = routeFor<{ name: string }>()

const routes: Route<{ name: string }>[] = [
  route({
    method: 'GET',
    path: '/_matrix/client/v3/who',
    aliases: ['/_matrix/client/r0/who'],
    auth: 'user',
    handler: async ({ requester }) => ({ who: requester.name }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/maybe',
    auth: 'optional',
    handler: async ({ requester }) => ({ who: requester?.name ?? null }),
  }),
  route({ method: 'GET', path: '/_synapse/admin/v1/thing', auth: 'admin', handler: async () => ({}) }),
  route({
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/state/{type}/{key}',
    aliases: ['/_matrix/client/v3/rooms/{roomId}/state/{type}'],
    auth: 'none',
    body: Type.Object({}),
    handler: async ({ params }) => params,
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/typed',
    auth: 'none',
    bodyBytesMax: 1000,
    body: Type.Object({
      name: Type.String(),
      count: Type.Optional(Type.Integer({ minimum: 1 })),
      nested: Type.Optional(Type.Object({ list: Type.Array(Type.Object({ id: Type.String() })) })),
    }),
    handler: async ({ body }) => body,
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/query',
    auth: 'none',
    query: Type.Object({
      limit: Type.Optional(Type.Integer()),
      dir: Type.Union([Type.Literal('f'), Type.Literal('b')]),
      full: Type.Optional(Type.Boolean()),
      ids: Type.Optional(Type.Array(Type.String())),
    }),
    handler: async ({ query }) => query,
  }),
  route({ method: 'POST', path: '/_matrix/client/v3/empty', auth: 'none', handler: async () => ({}) }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/limited',
    auth: 'none',
    limit: 'login',
    handler: async () => ({}),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/fault',
    auth: 'none',
    handler: async () => {
      throw new Error('the secret is 42')
    },
  }),
  route({ method: 'GET', path: '/_matrix/client/v3/text', auth: 'none', handler: async () => new JsonText('{"a":1}') }),
  route({
    method: 'GET',
    path: '/',
    auth: 'none',
    handler: async () => new Answer(200, '<p>', { 'content-type': 'text/html' }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/shared',
    auth: 'none',
    handler: async () => ({ shared: await shared.finally(() => (shared = Promise.resolve('made anew'))) }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/wait',
    auth: 'none',
    handler: async ({ signal }) => {
      waiting()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return { aborted: signal.aborted }
    },
  }),
]

let waiting: () => void = () => undefined
let shared = Promise.resolve('')

function makeServer(): HttpServer {
  return createServer<{ name: string }>({
    routes,
    doorkeeper: {
      requesterOf: async (token) => {
        if (token === 'nobody') throw new MatrixError('M_UNKNOWN_TOKEN', 'unknown', { extra: { soft_logout: true } })
        return { name: token }
      },
      isAdmin: ({ name }) => name === 'root',
      nameOf: ({ name }) => name,
    },
    limits: new RateLimits({ clock: systemClock, settings: { login: { perSecond: 0.1, burst: 2 } } }),
    clock: systemClock,
    logger: silentLogger,
  })
}

let server: HttpServer
let base: string

before(async () => {
  server = makeServer()
  await server.listen({ address: '127.0.0.1', port: 0 })
  base = server.address
})

after(() => server.close(1000))

interface Expected {
  readonly status: number
  readonly code?: string
  readonly body?: unknown
  readonly says?: RegExp
}

type Row = readonly [string, string, RequestInit & { token?: string }, Expected]

const typed = '/_matrix/client/v3/typed'
const nestedDeep = `{"name":"x","a":${'['.repeat(400)}${']'.repeat(400)}}`

const table: readonly Row[] = [
  ['a token in the header', '/_matrix/client/v3/who', { token: 'ann' }, { status: 200, body: { who: 'ann' } }],
  ['a token in the query', '/_matrix/client/v3/who?access_token=ann', {}, { status: 200, body: { who: 'ann' } }],
  ['an older name of the endpoint', '/_matrix/client/r0/who', { token: 'ann' }, { status: 200 }],
  ['no token', '/_matrix/client/v3/who', {}, { status: 401, code: 'M_MISSING_TOKEN' }],
  ['an empty token', '/_matrix/client/v3/who?access_token=', {}, { status: 401, code: 'M_MISSING_TOKEN' }],
  [
    'another scheme',
    '/_matrix/client/v3/who',
    { headers: { authorization: 'Basic YQ==' } },
    { status: 401, code: 'M_MISSING_TOKEN' },
  ],
  ['a token of nobody', '/_matrix/client/v3/who', { token: 'nobody' }, { status: 401, code: 'M_UNKNOWN_TOKEN' }],
  ['optional auth without a token', '/_matrix/client/v3/maybe', {}, { status: 200, body: { who: null } }],
  ['optional auth with a token', '/_matrix/client/v3/maybe', { token: 'ann' }, { status: 200, body: { who: 'ann' } }],
  ['optional auth with a bad token', '/_matrix/client/v3/maybe', { token: 'nobody' }, { status: 401 }],
  ['an administrator', '/_synapse/admin/v1/thing', { token: 'root' }, { status: 200 }],
  ['no administrator', '/_synapse/admin/v1/thing', { token: 'ann' }, { status: 403, code: 'M_FORBIDDEN' }],
  ['an unknown path', '/_matrix/client/v3/nothing', {}, { status: 404, code: 'M_UNRECOGNIZED' }],
  ['a wrong method', '/_matrix/client/v3/who', { method: 'DELETE' }, { status: 405, code: 'M_UNRECOGNIZED' }],
  ['an unknown method', '/_matrix/client/v3/who', { method: 'PATCH' }, { status: 405, code: 'M_UNRECOGNIZED' }],
  [
    'ids in the path',
    '/_matrix/client/v3/rooms/!a%2Fb:c.d/state/m.room.name/%23x:y%2525',
    { method: 'PUT', body: '{}' },
    { status: 200, body: { roomId: '!a/b:c.d', type: 'm.room.name', key: '#x:y%25' } },
  ],
  [
    'an empty state key',
    '/_matrix/client/v3/rooms/!a:b/state/m.room.name/',
    { method: 'PUT', body: '{}' },
    { status: 200, body: { roomId: '!a:b', type: 'm.room.name', key: '' } },
  ],
  [
    'a state key left out',
    '/_matrix/client/v3/rooms/$a:b/state/m.room.name',
    { method: 'PUT', body: '{}' },
    { status: 200, body: { roomId: '$a:b', type: 'm.room.name' } },
  ],
  [
    'bad percent-encoding',
    '/_matrix/client/v3/rooms/%zz/state/a/b',
    { method: 'PUT', body: '{}' },
    { status: 400, code: 'M_INVALID_PARAM' },
  ],
  [
    'a PUT without a body',
    '/_matrix/client/v3/rooms/!a:b/state/a/b',
    { method: 'PUT' },
    { status: 400, code: 'M_NOT_JSON' },
  ],
  ['a POST without a body where none is needed', '/_matrix/client/v3/empty', { method: 'POST' }, { status: 200 }],
  ['any body where none is read', '/_matrix/client/v3/empty', { method: 'POST', body: '{nope' }, { status: 200 }],
  [
    'a good body',
    typed,
    { method: 'POST', body: '{"name":"x","more":1}' },
    { status: 200, body: { name: 'x', more: 1 } },
  ],
  [
    'a Content-Type that is not JSON',
    typed,
    { method: 'POST', body: '{"name":"x"}', headers: { 'content-type': 'text/plain' } },
    { status: 200 },
  ],
  [
    'a Content-Type that is none',
    typed,
    { method: 'POST', body: '{"name":"x"}', headers: { 'content-type': '@@@' } },
    { status: 400, code: 'M_NOT_JSON' },
  ],
  ['malformed JSON', typed, { method: 'POST', body: '{"name":' }, { status: 400, code: 'M_NOT_JSON' }],
  [
    'bytes that are not UTF-8',
    typed,
    { method: 'POST', body: Buffer.from([0x22, 0xff, 0x22]) },
    { status: 400, code: 'M_NOT_JSON' },
  ],
  ['a body that is no object', typed, { method: 'POST', body: '[1]' }, { status: 400, code: 'M_BAD_JSON' }],
  ['a missing key', typed, { method: 'POST', body: '{}' }, { status: 400, code: 'M_MISSING_PARAM', says: /name/ }],
  [
    'a wrong type',
    typed,
    { method: 'POST', body: '{"name":"x","count":"1"}' },
    { status: 400, code: 'M_BAD_JSON', says: /count/ },
  ],
  [
    'a wrong type far inside',
    typed,
    { method: 'POST', body: '{"name":"x","nested":{"list":[{"id":"a"},{"id":2}]}}' },
    { status: 400, code: 'M_BAD_JSON', says: /nested\.list\.1\.id/ },
  ],
  ['deep nesting', typed, { method: 'POST', body: nestedDeep }, { status: 400, code: 'M_BAD_JSON', says: /nested/ }],
  [
    'a key given twice',
    typed,
    { method: 'POST', body: '{"name":"x","name":"y"}' },
    { status: 400, code: 'M_BAD_JSON', says: /twice/ },
  ],
  [
    'half a surrogate pair',
    typed,
    { method: 'POST', body: '{"name":"\\ud800"}' },
    { status: 400, code: 'M_BAD_JSON', says: /surrogate/ },
  ],
  ['a NUL outside a text', typed, { method: 'POST', body: '{"name":\0"x"}' }, { status: 400, code: 'M_NOT_JSON' }],
  ['a body too large', typed, { method: 'POST', body: 'x'.repeat(1001) }, { status: 413, code: 'M_TOO_LARGE' }],
  [
    'a query as it should be',
    '/_matrix/client/v3/query?limit=5&dir=f&full=true&ids=a&ids=b&other=1',
    {},
    { status: 200, body: { limit: 5, dir: 'f', full: true, ids: ['a', 'b'] } },
  ],
  [
    'a parameter given twice',
    '/_matrix/client/v3/query?dir=f&dir=b&ids=a',
    {},
    { status: 200, body: { dir: 'f', ids: ['a'] } },
  ],
  ['a missing parameter', '/_matrix/client/v3/query', {}, { status: 400, code: 'M_MISSING_PARAM', says: /dir/ }],
  ['a wrong parameter', '/_matrix/client/v3/query?dir=x', {}, { status: 400, code: 'M_INVALID_PARAM', says: /dir/ }],
  [
    'no number',
    '/_matrix/client/v3/query?dir=f&limit=ten',
    {},
    { status: 400, code: 'M_INVALID_PARAM', says: /limit/ },
  ],
  ['text ready made', '/_matrix/client/v3/text', {}, { status: 200, body: { a: 1 } }],
  [
    'a path that is very long',
    `/_matrix/client/v3/rooms/${'x'.repeat(40_000)}`,
    {},
    { status: 431, code: 'M_TOO_LARGE' },
  ],
]

for (const [name, path, { token, ...init }, expected] of table) {
  test(`the server answers ${name}`, async () => {
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(`${base}${path}`, { ...init, headers })
    const body = (await response.json()) as { errcode?: string; error?: string }
    assert.equal(response.status, expected.status, JSON.stringify(body))
    assert.equal(response.headers.get('content-type'), 'application/json')
    if (expected.status !== 431) assert.equal(response.headers.get('access-control-allow-origin'), '*')
    if (expected.code !== undefined) assert.equal(body.errcode, expected.code)
    if (expected.body !== undefined) assert.deepEqual(body, expected.body)
    if (expected.says !== undefined) assert.match(body.error ?? '', expected.says)
  })
}

test('a fault of ours is answered without its text', async () => {
  const response = await fetch(`${base}/_matrix/client/v3/fault`)
  const body = await response.text()
  assert.equal(response.status, 500)
  assert.equal((JSON.parse(body) as { errcode: string }).errcode, 'M_UNKNOWN')
  assert.doesNotMatch(body, /42/)
})

test('further members of an error reach the client', async () => {
  const response = await fetch(`${base}/_matrix/client/v3/who?access_token=nobody`)
  assert.equal(((await response.json()) as { soft_logout: boolean }).soft_logout, true)
})

test('OPTIONS is answered for any address with what browsers want to know', async () => {
  const response = await fetch(`${base}/_matrix/client/v3/who`, { method: 'OPTIONS' })
  assert.equal(response.status, 204)
  assert.match(response.headers.get('access-control-allow-headers') ?? '', /Authorization/)
  assert.match(response.headers.get('access-control-allow-methods') ?? '', /DELETE/)
})

test('HEAD is answered like GET, without the body', async () => {
  const response = await fetch(`${base}/_matrix/client/v3/text`, { method: 'HEAD' })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), '7')
  assert.equal(await response.text(), '')
})

test('pages for people are not opened to other origins', async () => {
  const response = await fetch(`${base}/`)
  assert.equal(response.headers.get('content-type'), 'text/html')
  assert.equal(response.headers.get('access-control-allow-origin'), null)
})

test('a limited endpoint says when to come back', async () => {
  const post = (): Promise<Response> => fetch(`${base}/_matrix/client/v3/limited`, { method: 'POST' })
  assert.equal((await post()).status, 200)
  assert.equal((await post()).status, 200)
  const refused = await post()
  const body = (await refused.json()) as { errcode: string; retry_after_ms: number }
  assert.equal(refused.status, 429)
  assert.equal(body.errcode, 'M_LIMIT_EXCEEDED')
  assert.ok(body.retry_after_ms > 9000 && body.retry_after_ms <= 10_000)
  assert.equal(refused.headers.get('retry-after'), '10')
})

test('what is not HTTP is refused and the connection closed', async () => {
  const { port } = new URL(base)
  const answer = await new Promise<string>((resolve) => {
    let text = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('hello\r\n\r\n'))
    socket.on('data', (data) => (text += data.toString()))
    socket.on('close', () => resolve(text))
  })
  assert.match(answer, /^HTTP\/1\.1 400/)
})

test('closing ends long polls with an answer and waits for it', async () => {
  const other = makeServer()
  await other.listen({ address: '127.0.0.1', port: 0 })
  const arrived = new Promise<void>((resolve) => (waiting = resolve))
  const poll = fetch(`${other.address}/_matrix/client/v3/wait`)
  await arrived
  assert.equal(other.openRequests, 1)
  await other.close(1000)
  const response = await poll
  assert.deepEqual(await response.json(), { aborted: true })
  assert.equal(response.headers.get('connection'), 'close')
})

test('the wait of a client that went away ends', async () => {
  const other = makeServer()
  await other.listen({ address: '127.0.0.1', port: 0 })
  const arrived = new Promise<void>((resolve) => (waiting = resolve))
  const client = new AbortController()
  const poll = fetch(`${other.address}/_matrix/client/v3/wait`, { signal: client.signal }).catch(() => 'gone')
  await arrived
  client.abort()
  assert.equal(await poll, 'gone')
  await other.close(1000)
  assert.equal(other.openRequests, 0)
})

test('what ends with the client of another request is done again', async () => {
  shared = Promise.reject(clientGone())
  shared.catch(() => undefined)
  const response = await fetch(`${base}/_matrix/client/v3/shared`)
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { shared: 'made anew' })
})

test('listening on a port in use fails', async () => {
  const other = makeServer()
  const port = Number(new URL(base).port)
  await assert.rejects(other.listen({ address: '127.0.0.1', port }), { code: 'EADDRINUSE' })
})
