import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LruCache } from './lru-cache.ts'

test('what was used longest ago goes first', () => {
  const cache = new LruCache<string, number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  assert.equal(cache.get('a'), 1)
  cache.set('c', 3)
  assert.equal(cache.get('b'), undefined)
  assert.equal(cache.get('a'), 1)
  assert.equal(cache.get('c'), 3)
})

test('setting again replaces and counts as a use', () => {
  const cache = new LruCache<string, number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('a', 3)
  cache.set('c', 4)
  assert.equal(cache.size, 2)
  assert.equal(cache.get('a'), 3)
  assert.equal(cache.get('b'), undefined)
})

test('what is deleted or cleared is gone', () => {
  const cache = new LruCache<string, number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.delete('a')
  assert.equal(cache.get('a'), undefined)
  cache.clear()
  assert.equal(cache.size, 0)
})
