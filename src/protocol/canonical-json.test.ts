import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, compareCodePoints } from './canonical-json.ts'
import type { JsonValue } from './json.ts'
import { parseJsonText } from './json-text.ts'

// https://spec.matrix.org/v1.19/appendices/#examples
const examples: [string, string][] = [
  ['{}', '{}'],
  ['{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'],
  ['{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'],
  [
    '{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}',
    '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
  ],
  ['{"a": "日本語"}', '{"a":"日本語"}'],
  ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
  ['{"a": "\\u65E5"}', '{"a":"日"}'],
  ['{"a": null}', '{"a":null}'],
  ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
]

for (const [input, output] of examples) {
  test(`the specification's example ${input.slice(0, 30)} comes out as given there`, () => {
    assert.equal(canonicalJson(JSON.parse(input) as JsonValue), output)
  })
}

test('keys stand in the order of code points, also beyond the basic plane', () => {
  assert.equal(canonicalJson({ '\u{1f600}': 1, '\uffff': 2, a: 3 }), '{"a":3,"\uffff":2,"\u{1f600}":1}')
  assert.ok(compareCodePoints('\ud83d\ude00', '\ue000') > 0)
})

test('control characters have their short escapes, or six lower-case characters', () => {
  assert.equal(canonicalJson('\b\t\n\f\r"\\\u0000\u001f\u007f/'), '"\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u001f\u007f/"')
})

test('strictly, only integers of 53 bits and whole characters are accepted', () => {
  for (const bad of [1.5, 2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY, '\ud800', { '\udc00': 1 }]) {
    assert.throws(() => canonicalJson([bad]), { code: 'M_BAD_JSON' })
  }
  assert.equal(canonicalJson([2 ** 53 - 1, -(2 ** 53) + 1]), '[9007199254740991,-9007199254740991]')
  assert.equal(canonicalJson([1.5, 2 ** 53, 1e21], false), '[1.5,9007199254740992,1000000000000000000000]')
})

test('a key called __proto__ is a key like any other', () => {
  assert.equal(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}') as JsonValue), '{"__proto__":{"a":2},"b":1}')
})

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value')),
  ),
})).value as fc.Arbitrary<JsonValue>

test('what is printed reads back as the same value, and prints the same again', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value)
      const again = parseJsonText(text, { integersOnly: true })
      assert.equal(canonicalJson(again), text)
      assert.deepEqual(JSON.parse(JSON.stringify(again)), JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('the order of keys never matters', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), json), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse())
      assert.equal(canonicalJson(reversed), canonicalJson(object))
    }),
  )
})

test('a text with a key twice, half a surrogate pair or deep nesting is refused', () => {
  assert.throws(() => parseJsonText('{"a":1,"b":{"c":1,"c":2}}'), { code: 'M_BAD_JSON' })
  assert.throws(() => parseJsonText('{"a":1,"\\u0061":2}'), { code: 'M_BAD_JSON' })
  assert.throws(() => parseJsonText('["\\ud800"]'), { code: 'M_BAD_JSON' })
  assert.throws(() => parseJsonText('{"\\udc00":1}'), { code: 'M_BAD_JSON' })
  assert.throws(() => parseJsonText('['.repeat(200) + ']'.repeat(200)), { code: 'M_BAD_JSON' })
  assert.throws(() => parseJsonText('{"a":'), { code: 'M_NOT_JSON' })
  assert.throws(() => parseJsonText('"a'), { code: 'M_NOT_JSON' })
  assert.deepEqual(parseJsonText('{"a":":{[","b":"\\\\","c":"\\":"}'), { a: ':{[', b: '\\', c: '":' })
})

test('numbers with a fraction or an exponent are refused where only integers may stand', () => {
  for (const text of ['[1.0]', '[1e3]', '[1E3]']) {
    assert.throws(() => parseJsonText(text, { integersOnly: true }), { code: 'M_BAD_JSON' })
    parseJsonText(text)
  }
  assert.deepEqual(parseJsonText('[true,false,null,-1,"1.5e3"]', { integersOnly: true }), [
    true,
    false,
    null,
    -1,
    '1.5e3',
  ])
})
