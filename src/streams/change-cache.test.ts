import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeCache } from './change-cache.ts'

test('a key that was forgotten may have changed, one that is remembered is known exactly', () => {
  const cache = new ChangeCache<string>(10, 2)
  cache.record('a', 11)
  cache.record('b', 12)
  assert.equal(cache.changedSince('a', 10), true)
  assert.equal(cache.changedSince('a', 11), false)
  assert.equal(cache.changedSince('x', 10), false)
  cache.record('c', 13)
  assert.equal(cache.changedSince('a', 10), true)
  assert.equal(cache.changedSince('x', 10), true)
  assert.equal(cache.changedSince('x', 11), false)
})

test('a smaller position that is published later does not hide a larger one', () => {
  const cache = new ChangeCache<string>(0)
  cache.record('a', 5)
  cache.record('a', 4)
  assert.equal(cache.changedSince('a', 4), true)
})
