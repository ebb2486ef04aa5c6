import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import { SpanCollector } from '../../test/span-collector.ts'
import { checkConfig } from './config.ts'
import { openHomeserver } from './homeserver.ts'

test('a request, its interactions and their queries come to the collector as one trace', async (t) => {
  const collector = await SpanCollector.start(t)
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  const raw = {
    server_name: 'localhost',
    listeners: [{ port: 0 }],
    registration: { mode: 'open' },
    tracing: { endpoint: collector.endpoint, share: 0.000_001 },
  }
  const homeserver = await openHomeserver(checkConfig(raw, folder), silentLogger)
  const traceId = '12'.repeat(16)
  const body = JSON.stringify({ username: 'ann', password: 'correct horse', auth: { type: 'm.login.dummy' } })
  const answer = await fetch(`${homeserver.addresses[0]}/_matrix/client/v3/register`, {
    method: 'POST',
    body,
    headers: { traceparent: `00-${traceId}-${'34'.repeat(8)}-01` },
  })
  assert.equal(answer.status, 200)
  await homeserver.close()
  const root = collector.named('POST /_matrix/client/v3/register')
  assert.equal(root?.facts['http.response.status_code'], 200)
  assert.equal(root?.facts['tessera.request_id'], answer.headers.get('x-request-id'))
  const byId = new Map(collector.spans.map((span) => [span.spanId, span]))
  const queries = collector.spans.filter(({ facts }) => facts['db.query.text'] !== undefined)
  assert.ok(queries.some(({ name }) => name === 'INSERT'))
  for (const query of queries) {
    assert.equal(query.facts['db.system.name'], 'sqlite')
    const interaction = byId.get(query.parentSpanId ?? '')
    assert.match(interaction?.name ?? '', /^[a-z_]+$/)
    assert.equal(interaction?.parentSpanId, root?.spanId)
  }
  for (const span of collector.spans) assert.equal(span.traceId, traceId)
  assert.doesNotMatch(JSON.stringify(collector.spans), /ann|horse/)
})
