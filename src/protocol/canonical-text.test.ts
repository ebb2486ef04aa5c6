import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rulesOf } from '../../test/auth-rooms.ts'
import { canonicalJson } from './canonical-json.ts'
import { canonicalText } from './canonical-text.ts'
import { readReceivedEvent } from './event-format.ts'
import { contentHash, eventId, hasRightContentHash } from './hashes.ts'
import type { JsonValue } from './json.ts'
import { parseEvent } from './parse-event.ts'

const lenient = { strict: false }
const text = (input: string, options = {}): string => canonicalText(input, options).text

/** Space, order of keys and escapes as a text may have them; `unit` is any character but half a surrogate pair. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
  ),
})).value as fc.Arbitrary<JsonValue>

test('a text becomes the canonical JSON of its value, however it is spaced and escaped', () => {
  fc.assert(
    fc.property(json, fc.boolean(), fc.boolean(), (value, spaced, escaped) => {
      let input = JSON.stringify(value, null, spaced ? '\t' : 0)
      if (escaped) {
        const asEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
        input = input.replaceAll(/[\u0080-\uffff]/g, asEscape)
      }
      const canonical = canonicalText(input)
      assert.equal(canonical.text, canonicalJson(value))
      assert.equal(canonical.exact, true)
      assert.equal(text(canonical.text), canonical.text)
      assert.equal(text(input, lenient), canonical.text)
    }),
  )
})

test('every character comes out in its shortest form', () => {
  for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 251) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const character = String.fromCodePoint(point)
    const escaped = character.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    const expected = JSON.stringify({ [character]: character })
    assert.equal(text(`{"${escaped}":"${escaped.toUpperCase().replaceAll('\\U', '\\u')}"}`), expected)
  }
  assert.equal(text('"\\/\\b\\f\\n\\r\\t\\"\\\\"'), '"/\\b\\f\\n\\r\\t\\"\\\\"')
})

test('keys are ordered by code point and not by half a surrogate pair', () => {
  assert.equal(text('{"\u{1f600}":1,"\uffee":2,"a":{"b":1,"a":2}}'), '{"a":{"a":2,"b":1},"\uffee":2,"\u{1f600}":1}')
  assert.equal(text('{"\\ud83d\\ude00":1,"\\uffee":2}'), '{"\uffee":2,"\u{1f600}":1}')
})

test('a key that stands twice, half a surrogate pair, deep nesting and what is no JSON are refused', () => {
  const bad = [
    '{"a":1,"a":1}',
    '{"b":1,"a":1,"b":2}',
    '{"a":1,"\\u0061":2}',
    '["\\ud800"]',
    '{"\\udc00":1}',
    '"\ud800"',
  ]
  for (const input of bad) {
    assert.throws(() => canonicalText(input), { code: 'M_BAD_JSON' }, input)
    assert.throws(() => canonicalText(input, lenient), { code: 'M_BAD_JSON' }, input)
  }
  const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(text(deep(128)), deep(128))
  assert.throws(() => canonicalText(deep(129)), { code: 'M_BAD_JSON' })
  assert.equal(text(deep(5), { depthMax: 5 }), deep(5))
  for (const input of ['', '{', '01', '[1,]', "{'a':1}", 'NaN', '"\u0001"', '{"a":1}x']) {
    assert.throws(() => canonicalText(input), { code: 'M_NOT_JSON' }, input)
  }
})

test('strictly, numbers are integers of 53 bits, written so', () => {
  for (const number of ['0', '-1', '9007199254740991', '-9007199254740991']) assert.equal(text(number), number)
  assert.equal(text('[-0]'), '[0]')
  for (const number of ['9007199254740992', '-9007199254740992', '1.0', '1e3', '-0.0', '123456789012345678901']) {
    assert.throws(() => canonicalText(number), { code: 'M_BAD_JSON' }, number)
  }
})

test('of older events, numbers stay as they are written', () => {
  const exact = ['0', '-1', '9007199254740991', '1.5', '1e+21']
  const lossy = ['9007199254740993', '12345678901234567890', '1.0', '-0.0', '1e+16', '1e-05', '1E400', '0.10']
  for (const number of exact)
    assert.deepEqual(canonicalText(number, lenient), { text: number, value: Number(number), exact: true })
  for (const number of lossy)
    assert.deepEqual(canonicalText(number, lenient), { text: number, value: Number(number), exact: false })
  // https://spec.matrix.org/v1.19/appendices/#examples
  assert.equal(text('{"a": -0, "b": 1e10}', lenient), '{"a":0,"b":10000000000}')
})

const old =
  '{"auth_events":[],"content":{"big":12345678901234567890,"float":1.0,"huge":1e+16,"tiny":1e-05,"minus":-0.0,' +
  '"users":{"@a:b":9007199254740993}, "ban": 50.0, "events_default": -9007199254740993},"depth":9223372036854775807,' +
  '"hashes":{"sha256":"x"},"origin_server_ts":1,"prev_events":[],"room_id":"!r:b","sender":"@a:b","signatures":{},' +
  '"state_key":"","type":"m.room.power_levels","unsigned":{"age":1.5}}'

test('an old event with numbers beyond 53 bits has the id and the content hash that another homeserver gives it', () => {
  for (const [version, id] of [
    ['3', '$+t3IzcvcqlauUS8OkF4RJ11KAUHFkSRV7vvz2D/W8FE'],
    ['5', '$-t3IzcvcqlauUS8OkF4RJ11KAUHFkSRV7vvz2D_W8FE'],
  ] as const) {
    const rules = rulesOf(version)
    const read = readReceivedEvent(old, rules)
    assert.ok(read.valid)
    assert.equal(read.event.eventId, id)
    assert.equal(contentHash(read.event.pdu, rules), '0dK7VOOVFB0Z0kcg3QgOsvxg0seu55qgsjEL2wRjMUM')
    assert.ok(read.text.includes('"big":12345678901234567890') && !read.text.includes('unsigned'))
    // It is stored as text, and read again.
    const stored = parseEvent(read.text, rules)
    assert.equal(stored.eventId, id)
    assert.equal(eventId(stored.pdu, rules), id)
    const right = read.text.replace('"sha256":"x"', '"sha256":"0dK7VOOVFB0Z0kcg3QgOsvxg0seu55qgsjEL2wRjMUM"')
    assert.equal(hasRightContentHash(parseEvent(right, rules).pdu, rules), true)
    assert.equal(hasRightContentHash(parseEvent(right.replace('67890', '67891'), rules).pdu, rules), false)
  }
  assert.equal(readReceivedEvent(old, rulesOf('6')).valid, false)
})
