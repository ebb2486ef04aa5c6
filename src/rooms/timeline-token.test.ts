import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '#protocol/errors.ts'
import { parseTimelineToken, printTimelineToken, tokenAtMoment, tokenAtPlace, towards } from './timeline-token.ts'

test('tokens are read as they were written', () => {
  const place = { topological: 7, stream: 42 }
  const tokens = [
    tokenAtMoment(12),
    tokenAtPlace(place),
    tokenAtPlace(place, towards(tokenAtMoment(50), 'backwards')),
    tokenAtPlace(place, towards(tokenAtMoment(50), 'forwards')),
    tokenAtPlace({ topological: 0, stream: -3 }),
  ]
  for (const token of tokens) assert.deepEqual(parseTimelineToken(printTimelineToken(token)), token)
  assert.equal(printTimelineToken(tokenAtPlace(place)), 't7-42')
})

test('a sync token is the moment of its events', () => {
  assert.deepEqual(parseTimelineToken('s1.e12.a3.r4.t5.d6.y7'), tokenAtMoment(12))
})

test('a moment looks back on what had arrived and forward on what came later', () => {
  assert.equal(towards(tokenAtMoment(5), 'backwards').arrivedBy, 5)
  assert.equal(towards(tokenAtMoment(5), 'forwards').arrivedAfter, 5)
})

test('foreign tokens are refused', () => {
  for (const text of ['', 't', 't1', 'x1', 't1-2~c3', 't1-2-3', 's1', 't99999999999999999-1', 't9007199254740993-1'])
    assert.throws(
      () => parseTimelineToken(text),
      (error: unknown) => error instanceof MatrixError && error.code === 'M_INVALID_PARAM',
    )
})
