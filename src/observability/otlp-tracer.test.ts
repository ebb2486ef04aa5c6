import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OtlpTracer } from './otlp-tracer.ts'
import { noCounts, runInRequest, type RequestContext } from './request-context.ts'
import { parseTraceParent, printTraceParent, requestSpan, span, traceTo } from './spans.ts'

const parent = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }

function context(trace?: RequestContext['trace']): RequestContext {
  return {
    id: 'req-1',
    background: false,
    method: 'GET',
    path: '/x',
    ip: '',
    requester: undefined,
    device: undefined,
    trace,
    ...noCounts(),
  }
}

interface Sent {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code?: number }
}

test('spans stand under each other as the work did, in the trace that the caller named', async (t) => {
  const sent: Sent[] = []
  const tracer = new OtlpTracer({
    sampled: () => false,
    onFailure: (error) => assert.fail(String(error)),
    send: async (body) => {
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] }
      sent.push(...(resourceSpans[0]?.scopeSpans[0]?.spans ?? []))
    },
  })
  traceTo(tracer)
  t.after(() => traceTo(undefined))
  const request = context(parent)
  const whole = requestSpan(request)
  runInRequest(request, () => {
    const interaction = span('get_thing', 'interaction')
    interaction?.child('SELECT 1', 'query', 1, 2)
    interaction?.end(false)
  })
  whole?.end(true)
  assert.equal(requestSpan(context()), undefined)
  await tracer.close()
  const [query, interaction, root] = sent
  assert.deepEqual([query?.name, interaction?.name, root?.name], ['SELECT 1', 'get_thing', 'GET /x'])
  assert.equal(root?.parentSpanId, parent.spanId)
  assert.equal(interaction?.parentSpanId, root?.spanId)
  assert.equal(query?.parentSpanId, interaction?.spanId)
  assert.ok(sent.every(({ traceId }) => traceId === parent.traceId))
  assert.deepEqual([interaction?.status, root?.status], [{ code: 2 }, {}])
})

test('a collector that does not answer loses its spans and stops nothing', async () => {
  let failures = 0
  const send = (): Promise<void> => Promise.reject(new Error('away'))
  const tracer = new OtlpTracer({ sampled: () => true, onFailure: () => (failures += 1), send })
  tracer.begin('GET /x', 'request', context())?.end(true)
  await tracer.close()
  assert.equal(failures, 1)
})

test('the header of a trace is read and written as it is defined', () => {
  assert.deepEqual(parseTraceParent(printTraceParent(parent)), parent)
  for (const wrong of [undefined, '', '00-00-00-01', printTraceParent({ ...parent, traceId: '0'.repeat(32) })]) {
    assert.equal(parseTraceParent(wrong), undefined)
  }
})
