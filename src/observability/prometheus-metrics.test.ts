import assert from 'node:assert/strict'
import { test } from 'node:test'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { uncounted } from './metrics.ts'
import { PrometheusMetrics } from './prometheus-metrics.ts'

test('each kind of metric is read by Prometheus as it was counted', async () => {
  const metrics = new PrometheusMetrics()
  const requests = metrics.counter({ name: 'requests_total', help: 'Requests\nof "all" \\ kinds.', labels: ['route'] })
  requests.with('a"b\\c\nd').add()
  requests.with('plain').add(2)
  const seconds = metrics.histogram({ name: 'took_seconds', help: 'Time.' }, [0.1, 1])
  for (const value of [0.1, 0.5, 7]) seconds.with().observe(value)
  metrics.gauge({ name: 'things', help: 'Things.' }, () => 3)
  metrics.gauge({ name: 'parts', help: 'Parts.', labels: ['kind'] }, () => [[['x'], -1]])
  metrics.counted({ name: 'seen_total', help: 'Seen.', labels: ['kind'] }, () => [[['x'], 0]])
  assert.deepEqual(parsePrometheusTextFormat(await metrics.text()), [
    {
      name: 'requests_total',
      help: 'Requests\nof "all" \\ kinds.',
      type: 'COUNTER',
      metrics: [
        { labels: { route: 'a"b\\c\nd' }, value: '1' },
        { labels: { route: 'plain' }, value: '2' },
      ],
    },
    {
      name: 'took_seconds',
      help: 'Time.',
      type: 'HISTOGRAM',
      metrics: [{ buckets: { '0.1': '1', '1': '2', '+Inf': '3' }, count: '3', sum: '7.6' }],
    },
    { name: 'things', help: 'Things.', type: 'GAUGE', metrics: [{ value: '3' }] },
    { name: 'parts', help: 'Parts.', type: 'GAUGE', metrics: [{ labels: { kind: 'x' }, value: '-1' }] },
    { name: 'seen_total', help: 'Seen.', type: 'COUNTER', metrics: [{ labels: { kind: 'x' }, value: '0' }] },
  ])
  assert.throws(() => metrics.gauge({ name: 'things', help: '.' }, () => 1), /things has already been registered/)
})

test('what is asked for when somebody looks is what it is then', async () => {
  const metrics = new PrometheusMetrics()
  let held = ['a', 'b']
  const labels = ['cache']
  metrics.gauge({ name: 'entries', help: '.', labels }, () => held.map((name) => [[name], 1] as const))
  metrics.counted({ name: 'hits_total', help: '.', labels }, () => held.map((name) => [[name], 5] as const))
  await metrics.text()
  held = ['b']
  const text = await metrics.text()
  assert.match(text, /^entries\{cache="b"\} 1\n/m)
  assert.match(text, /^hits_total\{cache="b"\} 5$/m)
  assert.doesNotMatch(text, /cache="a"/)
})

test('more values of labels than a family keeps are counted together', async () => {
  const metrics = new PrometheusMetrics()
  const family = metrics.counter({ name: 'x_total', help: '.', labels: ['a', 'b'] })
  for (let index = 0; index < 2_010; index += 1) family.with(String(index), 'b').add()
  assert.match(await metrics.text(), /x_total\{a="other",b="other"\} 10\n/)
})

test('what is not counted can be counted all the same', async () => {
  uncounted.counter({ name: 'x_total', help: '.' }).with().add()
  uncounted.histogram({ name: 'x_seconds', help: '.' }).with().observe(1)
  assert.equal(await uncounted.text(), '')
})
