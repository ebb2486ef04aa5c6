import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { rulesOf } from '../../test/auth-rooms.ts'
import { buildEvent, type EventDraft } from './build-event.ts'
import { canonicalJson } from './canonical-json.ts'
import { readReceivedEvent } from './event-format.ts'
import { hasRightContentHash } from './hashes.ts'
import { parseEventId, parseRoomId, parseServerName, parseUserId } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { parseEvent } from './parse-event.ts'
import { knownRoomVersions } from './room-versions.ts'
import { newSigningKey } from './signing-keys.ts'

const server = parseServerName('a.example')
const key = newSigningKey()
const event = parseEventId('$event:a.example')
const draft: EventDraft = {
  type: 'm.room.message',
  sender: parseUserId('@alice:a.example'),
  roomId: parseRoomId('!room:a.example'),
  content: { body: 'Hello' },
  depth: 5,
  prevEvents: [event],
  authEvents: [event],
  originServerTs: 1_780_000_000_000,
}
const pduOf = (version: string): JsonObject => buildEvent(draft, rulesOf(version), server, key).event.pdu
const read = (pdu: JsonValue, version: string) => readReceivedEvent(JSON.stringify(pdu), rulesOf(version))

for (const version of knownRoomVersions) {
  describe(`events of room version ${version}`, () => {
    const pdu = pduOf(version)
    const reference = (pdu['prev_events'] as readonly JsonValue[])[0] as JsonValue
    const strict = rulesOf(version).strictCanonicalJson
    const accepts = (change: JsonObject): boolean => read({ ...pdu, ...change }, version).valid

    test('an event is read back as it was built', () => {
      const built = buildEvent(draft, rulesOf(version), server, key)
      const received = readReceivedEvent(JSON.stringify({ unsigned: { age: 1 }, ...built.event.pdu }), rulesOf(version))
      assert.ok(received.valid)
      assert.equal(received.text, built.text)
      assert.equal(received.event.eventId, built.event.eventId)
    })

    test('it names at most 10 auth events and 20 previous events', () => {
      assert.ok(accepts({ auth_events: Array<JsonValue>(10).fill(reference) }))
      assert.ok(!accepts({ auth_events: Array<JsonValue>(11).fill(reference) }))
      assert.ok(accepts({ prev_events: Array<JsonValue>(20).fill(reference) }))
      assert.ok(!accepts({ prev_events: Array<JsonValue>(21).fill(reference) }))
      for (const wrong of [undefined, null, {}, 'x', [1], [null], [[]], [['x', {}]]]) {
        assert.ok(!accepts({ auth_events: wrong }))
        assert.ok(!accepts({ prev_events: wrong }))
      }
    })

    test('its depth is within bounds', () => {
      const withDepth = (depth: string): boolean =>
        readReceivedEvent(canonicalJson(pdu).replace('"depth":5,', `"depth":${depth},`), rulesOf(version)).valid
      assert.ok(withDepth('0') && withDepth('9007199254740991'))
      assert.equal(withDepth('9223372036854775807'), !strict)
      assert.equal(withDepth('9007199254740992'), !strict)
      for (const wrong of ['-1', '1.5', '99999999999999999999', '"5"', 'null', '1e400']) {
        assert.ok(!withDepth(wrong), wrong)
      }
    })

    test('it keeps to the limits on bytes', () => {
      assert.ok(accepts({ type: 'é'.repeat(127) }))
      assert.ok(!accepts({ type: 'é'.repeat(128) }))
      assert.ok(!accepts({ state_key: 'x'.repeat(256) }))
      assert.ok(!accepts({ sender: `@${'x'.repeat(250)}:a.example` }))
      assert.ok(!accepts({ event_id: `$${'x'.repeat(250)}:a.example` }))
      assert.ok(accepts({ content: { body: 'x'.repeat(64_000) } }))
      assert.ok(!accepts({ content: { body: 'x'.repeat(65_536) } }))
      // What is unsigned is not the sender's.
      assert.ok(accepts({ unsigned: { body: 'x'.repeat(65_536) } }))
    })

    test('fractions are read in old rooms alone', () => {
      assert.equal(accepts({ content: { number: 1.5 } }), !strict)
      assert.equal(accepts({ content: { number: 2 ** 60 } }), !strict)
    })

    test('a member of a wrong type makes it no event', () => {
      const wrong: JsonObject[] = [
        { type: 5 },
        { sender: 'alice' },
        { content: [] },
        { state_key: null },
        { origin_server_ts: '1' },
        { origin_server_ts: null },
        { hashes: {} },
        { hashes: { sha256: 5 } },
        { signatures: [] },
        { signatures: { a: 'x' } },
        { signatures: { a: { b: 5 } } },
        { room_id: 'room' },
      ]
      for (const change of wrong) assert.ok(!accepts(change), JSON.stringify(change))
    })

    test('this server makes canonical events only, at a depth that is allowed', () => {
      const build = (change: Partial<EventDraft>) => buildEvent({ ...draft, ...change }, rulesOf(version), server, key)
      assert.throws(() => build({ content: { number: 1.5 } }), { code: 'M_BAD_JSON' })
      assert.throws(() => build({ content: { number: 2 ** 53 } }), { code: 'M_BAD_JSON' })
      assert.throws(() => build({ content: { body: 'x'.repeat(65_536) } }), { code: 'M_TOO_LARGE' })
      assert.throws(() => build({ authEvents: Array(11).fill(event) }), RangeError)
      assert.throws(() => build({ prevEvents: Array(21).fill(event) }), RangeError)
      const deepest = build({ depth: 2 ** 63 })
      assert.equal(deepest.event.depth, strict ? 2 ** 53 - 1 : 2 ** 63 - 1024)
      assert.ok(deepest.text.includes(strict ? '"depth":9007199254740991,' : '"depth":9223372036854774784,'))
      const again = parseEvent(deepest.text, rulesOf(version))
      assert.equal(again.eventId, deepest.event.eventId)
      assert.ok(hasRightContentHash(again.pdu, rulesOf(version)))
      assert.ok(hasRightContentHash(deepest.event.pdu, rulesOf(version)))
    })
  })
}

test('no text makes the reader throw', () => {
  const pdus = ['1', '5', '12'].map((version) => ({ version, pdu: pduOf(version) }))
  const one = fc.tuple(fc.constantFrom(...pdus), fc.constantFrom(...Object.keys(pduOf('1'))), fc.jsonValue())
  fc.assert(
    fc.property(one, ([{ version, pdu }, name, value]) => void read({ ...pdu, [name]: value as JsonValue }, version)),
  )
  fc.assert(fc.property(fc.string(), (text) => void readReceivedEvent(text, rulesOf('12'))))
  const deep = '['.repeat(30_000) + ']'.repeat(30_000)
  assert.equal(readReceivedEvent(`{"content":{"a":${deep}}}`, rulesOf('1')).valid, false)
})
