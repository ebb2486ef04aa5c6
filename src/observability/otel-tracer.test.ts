import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { SpanCollector } from '../../test/span-collector.ts'
import { OtelTracer } from './otel-tracer.ts'
import { noCounts, runInRequest, type RequestContext } from './request-context.ts'
import { requestSpan, span, traceTo, type Span } from './spans.ts'

const traceId = 'ab'.repeat(16)
const parentId = 'cd'.repeat(8)

function context(): RequestContext {
  return {
    id: 'req-1',
    background: false,
    method: 'GET',
    path: '/x/{id}',
    ip: '',
    requester: undefined,
    device: undefined,
    ...noCounts(),
  }
}

interface Traced {
  readonly failures: unknown[]
  /** Begins the span of a request that comes with these headers. */
  request(context: RequestContext, headers?: Readonly<Record<string, string>>): Span | undefined
  /** Sends everything. */
  close(): Promise<void>
}

function traced(t: TestContext, endpoint: string, share: number): Traced {
  const failures: unknown[] = []
  const onFailure = (error: unknown): void => void failures.push(error)
  const tracer = new OtelTracer({ endpoint, share, version: '1.2.3', databaseSystem: 'sqlite', onFailure })
  traceTo(tracer)
  t.after(() => traceTo(undefined))
  return {
    failures,
    request: (context, headers = {}) => requestSpan(context, { header: (name) => headers[name] }),
    close: () => tracer.close(),
  }
}

test('spans stand under each other as the work did, in the trace that the caller named', async (t) => {
  const collector = await SpanCollector.start(t)
  const { request, close } = traced(t, collector.endpoint, 0)
  const ours = context()
  const whole = request(ours, { traceparent: `00-${traceId}-${parentId}-01`, tracestate: 'vendor=1' })
  const remote = runInRequest(ours, () => {
    const interaction = span('get_thing', 'interaction')
    const now = performance.now()
    interaction?.child('SELECT one\n  FROM things', 'query', now - 5, now - 2)
    interaction?.end(false)
    return span('GET /key', 'remote')
  })
  remote?.end(true)
  whole?.end(true, { 'http.response.status_code': 200 })
  await close()
  const spans = ['GET /x/{id}', 'get_thing', 'SELECT', 'GET /key'].map((name) => collector.named(name))
  const [root, interaction, query, call] = spans
  assert.ok(spans.every((each) => each?.traceId === traceId))
  assert.deepEqual(
    spans.map((each) => each?.parentSpanId),
    [parentId, root?.spanId, interaction?.spanId, root?.spanId],
  )
  assert.deepEqual(
    spans.map((each) => [each?.kind, each?.failed]),
    [
      [2, false],
      [1, true],
      [3, false],
      [3, false],
    ],
  )
  assert.equal(root?.facts['http.route'], '/x/{id}')
  assert.equal(root?.facts['http.response.status_code'], 200)
  assert.equal(query?.facts['db.query.text'], 'SELECT one FROM things')
  assert.ok(Math.abs((query?.tookMs ?? 0) - 3) < 0.01)
  assert.equal(collector.service, 'tessera')
  assert.deepEqual(remote?.headers, { traceparent: `00-${traceId}-${call?.spanId}-01`, tracestate: 'vendor=1' })
})

test('a request without a trace is traced by chance, and one whose caller decided against it is not', async (t) => {
  const collector = await SpanCollector.start(t)
  const all = traced(t, collector.endpoint, 1)
  const unwanted = context()
  assert.equal(all.request(unwanted, { traceparent: `00-${traceId}-${parentId}-00` }), undefined)
  runInRequest(unwanted, () => {
    assert.equal(span('get_thing', 'interaction'), undefined)
    // Whoever is called is told the trace and the decision all the same.
    assert.match(span('GET /key', 'remote')?.headers.traceparent ?? '', new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
  })
  all.request(context(), { traceparent: 'nonsense' })?.end(true)
  await all.close()
  assert.deepEqual(
    collector.spans.map((each) => [each.name, each.parentSpanId]),
    [['GET /x/{id}', undefined]],
  )
  const none = traced(t, collector.endpoint, 0)
  assert.equal(none.request(context()), undefined)
  await none.close()
})

test('work that no request asked for is not traced', async (t) => {
  const { close } = traced(t, 'http://127.0.0.1:9/v1/traces', 1)
  assert.equal(span('tidy_up', 'interaction'), undefined)
  await close()
})

test('a collector that takes nothing loses its spans, stops nothing and does not hold up the end', async (t) => {
  const collector = await SpanCollector.start(t, 400)
  const { request, failures, close } = traced(t, collector.endpoint, 1)
  // As many as make a batch, which is sent at once.
  for (let count = 0; count < 512; count += 1) request(context())?.end(true)
  const deadline = performance.now() + 10_000
  while (failures.length === 0 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(failures.length, 1)
  request(context())?.end(true)
  await close()
})
