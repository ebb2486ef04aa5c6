import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedCaches } from '#base/named-caches.ts'
import { NumberMap } from '#base/number-map.ts'
import { StateCache } from './state-cache.ts'

function state(size: number): NumberMap {
  return NumberMap.from(Array.from({ length: size }, (_, index) => [index + 1, index + 1]))
}

test('what was used longest ago goes when there is too much', () => {
  const one = state(1_000)
  const cache = new StateCache(one.bytes * 2)
  cache.set(1, one)
  cache.set(2, state(1_000))
  cache.get(1)
  cache.set(3, state(1_000))
  assert.deepEqual(
    [1, 2, 3].map((nid) => cache.get(nid) !== undefined),
    [true, false, true],
  )
  assert.equal(cache.bytes, one.bytes * 2)
})

test('a state that grows is counted anew, and one that is too large for all stays alone', () => {
  const cache = new StateCache(1_000)
  const growing = state(1)
  cache.set(1, growing)
  for (let key = 1; key < 5_000; key++) growing.set(key, key)
  cache.set(2, state(1))
  cache.get(1)
  assert.equal(cache.bytes, growing.bytes)
  assert.equal(cache.get(2), undefined)
})

test('a cache with a name tells what it holds and how it did', () => {
  const one = state(1_000)
  const cache = new StateCache(one.bytes, 'states_of_a_test')
  cache.set(1, one)
  cache.get(1)
  cache.set(2, state(1_000))
  cache.get(1)
  const figures = namedCaches().get('states_of_a_test')
  assert.deepEqual(figures, { size: 1, hits: 1, misses: 1, evictions: 1, bytes: cache.bytes })
})
