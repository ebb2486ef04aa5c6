import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { packNids, unpackNids } from './packed-nids.ts'

test('ids come back in order, whether before or after their origin', () => {
  const nid = fc.integer({ min: 1, max: 2 ** 50 })
  fc.assert(
    fc.property(nid, fc.array(nid), (origin, nids) => {
      assert.deepEqual(unpackNids(origin, packNids(origin, nids)), nids)
    }),
  )
  assert.equal(packNids(8, [7])?.length, 1)
})

test('bytes that end in the middle of a number are refused', () => {
  assert.throws(() => unpackNids(1, new Uint8Array([0x80])), /middle of a number/)
})
