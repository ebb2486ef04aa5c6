import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NumberMap } from './number-map.ts'

test('it holds what a Map holds, whatever is put in and taken out', () => {
  const key = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 0xffff_ffff }))
  const step = fc.record({ key, value: fc.integer({ min: 1, max: 0xffff_ffff }), remove: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = new NumberMap()
      const model = new Map<number, number>()
      for (const { key, value, remove } of steps) {
        if (remove) assert.equal(map.delete(key), model.delete(key))
        else {
          map.set(key, value)
          model.set(key, value)
        }
        assert.equal(map.size, model.size)
      }
      assert.deepEqual(new Map(map), model)
      assert.deepEqual(new Set(map.keys()), new Set(model.keys()))
      assert.deepEqual([...map.values()].sort(), [...model.values()].sort())
      for (const { key } of steps) assert.equal(map.get(key), model.get(key))
    }),
  )
})

test('100,000 entries take little more than their numbers', () => {
  const map = NumberMap.from(Array.from({ length: 100_000 }, (_, index) => [index + 7, index + 1]))
  assert.ok(map.bytes <= 2.2 * 1024 * 1024)
})

test('numbers that do not fit are refused', () => {
  for (const wrong of [0, -1, 2 ** 32, NaN]) {
    assert.throws(() => new NumberMap().set(wrong, 1), RangeError)
    assert.throws(() => new NumberMap().set(1, wrong), RangeError)
  }
})
