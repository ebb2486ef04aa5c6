import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Metrics } from './metrics.ts'

test('each kind of metric is written as Prometheus reads it', () => {
  const metrics = new Metrics()
  const requests = metrics.counter({ name: 'requests_total', help: 'Requests\nof "all" \\ kinds.', labels: ['route'] })
  requests.with('a"b\\c\nd').add()
  requests.with('plain').add(2)
  const seconds = metrics.histogram({ name: 'took_seconds', help: 'Time.' }, [0.1, 1])
  for (const value of [0.1, 0.5, 7]) seconds.with().observe(value)
  metrics.gauge({ name: 'things', help: 'Things.' }, () => 3)
  metrics.gauge({ name: 'parts', help: 'Parts.', labels: ['kind'] }, () => [[['x'], NaN]])
  assert.equal(
    metrics.text(),
    String.raw`# HELP requests_total Requests\nof "all" \\ kinds.
# TYPE requests_total counter
requests_total{route="a\"b\\c\nd"} 1
requests_total{route="plain"} 2
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 7.6
took_seconds_count 3
# HELP things Things.
# TYPE things gauge
things 3
# HELP parts Parts.
# TYPE parts gauge
parts{kind="x"} NaN
`,
  )
  assert.throws(() => metrics.gauge({ name: 'things', help: '' }, () => 1), /things is there already/)
})

test('more values of labels than a family keeps are counted together', () => {
  const metrics = new Metrics()
  const family = metrics.counter({ name: 'x_total', help: '', labels: ['a', 'b'] })
  for (let index = 0; index < 2_010; index += 1) family.with(String(index), 'b').add()
  assert.match(metrics.text(), /x_total\{a="other",b="other"\} 10\n/)
})
