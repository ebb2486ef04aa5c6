import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { packEventText, unpackEventText } from './event-text.ts'
import { phrases } from './event-text/phrases.ts'

test('any text comes back as it was, whatever it is made of', () => {
  const part = fc.oneof(
    fc.constantFrom(...phrases),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `"${Buffer.from(bytes).toString('base64url')}"`),
    fc
      .uint8Array({ minLength: 64, maxLength: 64 })
      .map((bytes) => `"${Buffer.from(bytes).toString('base64').slice(0, 86)}"`),
    fc.stringMatching(/^"[A-Za-z0-9+/_-]{43}"$/),
    fc.string({ minLength: 50, maxLength: 90 }),
  )
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join('').toWellFormed()
      assert.equal(unpackEventText(packEventText(text)), text)
    }),
    { numRuns: 500 },
  )
})

test('an event takes little more than half of its text', () => {
  const id = Buffer.alloc(32, 0xa5).toString('base64url')
  const signature = Buffer.alloc(64, 0x5a).toString('base64').slice(0, 86)
  const text = `{"auth_events":["$${id}","$${id}"],"content":{"body":"Hello","msgtype":"m.text"},"depth":7,"hashes":{"sha256":"${id}"},"origin_server_ts":1700000000000,"prev_events":["$${id}"],"room_id":"!${id}","sender":"@alice:example.org","signatures":{"example.org":{"ed25519:a_abcd":"${signature}"}},"type":"m.room.message"}`
  assert.ok(packEventText(text).length < text.length * 0.6)
})

test('no phrase is there twice, and there are not more than fit', () => {
  assert.equal(new Set(phrases).size, phrases.length)
  assert.ok(phrases.length <= 192)
})

test('bytes that are no packed text are refused', () => {
  assert.throws(() => unpackEventText(new Uint8Array([7])), /unknown form/)
  assert.throws(() => unpackEventText(new Uint8Array([1, 192, 1, 2])), /too early/)
  assert.throws(() => unpackEventText(new Uint8Array([1, 191])), /unknown phrase/)
})
