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
    fc.constantFrom(
      'alice:example.org',
      'example.org',
      'a:b:c',
      'b:c',
      ':',
      '1700000000123',
      '0700000000123',
      '170000000012',
    ),
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

test('what comes again takes two bytes, and a time seven', () => {
  const member = (sender: string, server: string): string =>
    `{"origin_server_ts":1700000000123,"prev_events":[],"sender":"@${sender}","signatures":{"${server}":{"ed25519:a":"x"}},"state_key":"@${sender}"}`
  const alone = packEventText(member('alice:example.org', 'other.example')).length
  assert.equal(alone - packEventText(member('alice:example.org', 'example.org')).length, 1 + 13 - 2)
})

test('a text of the first form is still read', () => {
  const packed = packEventText('{"a":"b"}')
  assert.equal(packed[0], 2)
  assert.equal(unpackEventText(Uint8Array.from([1, ...packed.slice(1)])), '{"a":"b"}')
})

test('no phrase is there twice, and there are not more than fit', () => {
  assert.equal(new Set(phrases).size, phrases.length)
  assert.ok(phrases.length <= 189)
})

test('bytes that are no packed text are refused', () => {
  assert.throws(() => unpackEventText(new Uint8Array([7])), /unknown form/)
  assert.throws(() => unpackEventText(new Uint8Array([1, 192, 1, 2])), /too early/)
  assert.throws(() => unpackEventText(new Uint8Array([1, 188])), /unknown phrase/)
  assert.throws(() => unpackEventText(new Uint8Array([2, 190, 0])), /repeats what it does not have/)
  assert.throws(() => unpackEventText(new Uint8Array([2, 255, 1])), /too early/)
})
