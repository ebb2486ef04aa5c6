import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stateOf } from '../../test/events.ts'
import { authEventKeys, checkAuth } from './auth-rules.ts'
import { canonicalJson } from './canonical-json.ts'
import { readReceivedEvent } from './event-format.ts'
import { requiredSigners, verifyEventSignatures } from './event-signatures.ts'
import type { Event } from './event.ts'
import { eventId, essentialText, hasRightContentHash } from './hashes.ts'
import type { EventId } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { compilePushRules, PushEvaluator } from './push-evaluation.ts'
import { pushRulesOf } from './push-rules.ts'
import { redact } from './redaction.ts'
import { knownRoomVersions, roomVersion, type RoomVersionRules } from './room-versions.ts'
import { parseServerAuth } from './server-auth-header.ts'
import { mayServerTakePart } from './server-acl.ts'

// What others send can be any JSON. Nothing here may throw, and nothing may take long.

const rulesArbitrary: fc.Arbitrary<RoomVersionRules> = fc.constantFrom(
  ...knownRoomVersions.map((version) => roomVersion(version)).filter((rules) => rules !== undefined),
)
const anyJson = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>
const userId = fc.constantFrom('@a:b', '@b:b', '@c:d', 'nobody', '')
const level = fc.oneof(fc.integer(), fc.constantFrom<JsonValue>('5', 'x', null, 1e308, 2 ** 53), anyJson)
const type = fc.constantFrom(
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.third_party_invite',
  'm.room.redaction',
  'm.room.aliases',
  'm.room.server_acl',
  'x',
)

/** Content in which everything that any rule reads may be there, right or wrong. */
const content = fc.record(
  {
    membership: fc.oneof(fc.constantFrom('join', 'invite', 'leave', 'ban', 'knock'), anyJson),
    join_rule: fc.oneof(fc.constantFrom('public', 'restricted', 'knock'), anyJson),
    join_authorised_via_users_server: fc.oneof(userId, anyJson),
    third_party_invite: fc.oneof(
      fc.record({ signed: fc.oneof(anyJson, fc.record({ mxid: userId, token: userId })) }),
      anyJson,
    ),
    users: fc.oneof(fc.dictionary(userId, level), anyJson),
    events: fc.oneof(fc.dictionary(fc.constantFrom('x', '__proto__'), level), anyJson),
    users_default: level,
    ban: level,
    invite: level,
    creator: anyJson,
    additional_creators: fc.oneof(fc.array(userId), anyJson),
    room_version: anyJson,
    'm.federate': anyJson,
    public_keys: anyJson,
    redacts: anyJson,
    allow: anyJson,
    deny: anyJson,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>

const pdu = fc.record(
  {
    type: fc.oneof(type, anyJson),
    sender: fc.oneof(userId, anyJson),
    room_id: fc.oneof(fc.constantFrom('!r:b', '!r'), anyJson),
    state_key: fc.oneof(userId, anyJson),
    content: fc.oneof(content, anyJson),
    depth: fc.oneof(fc.nat(), anyJson),
    origin_server_ts: fc.oneof(fc.nat(), anyJson),
    auth_events: fc.oneof(fc.constant([]), anyJson),
    prev_events: fc.oneof(fc.constant([]), anyJson),
    hashes: fc.oneof(fc.constant({ sha256: 'x' }), anyJson),
    signatures: fc.oneof(fc.constant({ b: { 'ed25519:1': 'x' } }), anyJson),
    unsigned: anyJson,
    event_id: fc.oneof(fc.constant('$e:b'), anyJson),
    redacts: anyJson,
  },
  { requiredKeys: ['type', 'sender', 'content', 'depth'] },
) as fc.Arbitrary<JsonObject>

const event = fc
  .record({
    type,
    sender: fc.constantFrom('@a:b', '@b:b', '@c:d'),
    stateKey: fc.option(userId, { nil: undefined }),
    content,
  })
  .map((parts) => {
    const made = { roomId: '!create:b', depth: 1, originServerTs: 1, authEvents: [], prevEvents: [] }
    return {
      ...parts,
      ...made,
      eventId: '$create:b' as EventId,
      pdu: { ...parts, state_key: parts.stateKey },
    } as unknown as Event
  })

test('received events of any shape get a verdict', () => {
  fc.assert(
    fc.property(rulesArbitrary, fc.oneof(pdu, anyJson), (rules, value) => {
      const received = readReceivedEvent(value, rules)
      if (!received.valid) return
      assert.equal(canonicalJson(JSON.parse(received.text) as JsonValue, rules.strictCanonicalJson), received.text)
      assert.equal(hasRightContentHash(received.event.pdu, rules), false)
      assert.equal(typeof verifyEventSignatures(received.event, rules, () => undefined, 0).valid, 'boolean')
    }),
    { numRuns: 500 },
  )
})

test('the auth rules give a verdict on any content in any state', () => {
  fc.assert(
    fc.property(rulesArbitrary, event, fc.array(event, { maxLength: 8 }), (rules, checked, state) => {
      assert.equal(typeof checkAuth(checked, stateOf(...state), rules).allowed, 'boolean')
      assert.ok(authEventKeys(checked, rules).length <= 6)
      requiredSigners(checked, rules)
    }),
    { numRuns: 2000 },
  )
})

test('redaction is idempotent and keeps the id of any event', () => {
  fc.assert(
    fc.property(rulesArbitrary, pdu, (rules, value) => {
      const once = redact(value, rules)
      assert.deepEqual(redact(once, rules), once)
      let text: string
      try {
        text = essentialText(value, rules)
      } catch {
        return
      }
      assert.equal(essentialText(once, rules), text)
      if (rules.eventIds !== 'assigned') assert.equal(eventId(once, rules), eventId(value, rules))
    }),
    { numRuns: 500 },
  )
})

test('push rules, server lists and headers of any shape give an answer', () => {
  fc.assert(
    fc.property(fc.array(anyJson), anyJson, content, fc.string(), (conditions, pattern, fields, header) => {
      const rule = { rule_id: 'own', default: false, enabled: true, actions: [pattern] }
      const own = {
        override: [{ ...rule, conditions: conditions.filter((each) => each instanceof Object) as JsonObject[] }],
      }
      const evaluator = new PushEvaluator({
        event: { type: 'x', content: fields },
        memberCount: 1,
        senderLevel: 0,
        notificationLevel: () => 50,
      })
      const reader = { userId: '@a:b' as Event['sender'] }
      evaluator.outcomeFor(reader, compilePushRules(pushRulesOf(reader.userId, own, new Map())))
      mayServerTakePart({ content: fields } as Event, header)
      parseServerAuth(`X-Matrix ${header}`)
    }),
    { numRuns: 500 },
  )
})

test('an event of the largest size and 10,000 auth events are dealt with at once', () => {
  const [rules] = knownRoomVersions.slice(-1).map((version) => roomVersion(version))
  assert.ok(rules)
  const many = Array.from({ length: 10_000 }, (_, index) => `$${index}`)
  const started = performance.now()
  const wide = {
    type: 'x',
    sender: '@a:b',
    content: {},
    depth: 1,
    origin_server_ts: 1,
    auth_events: many,
    prev_events: [],
  }
  assert.equal(readReceivedEvent(wide, rules).valid, false)
  const large = { ...wide, auth_events: [], room_id: '!r', hashes: { sha256: '' }, signatures: {} }
  assert.equal(readReceivedEvent({ ...large, content: { body: 'x'.repeat(65_536) } }, rules).valid, false)
  assert.equal(readReceivedEvent({ ...large, content: { body: 'x'.repeat(65_000) } }, rules).valid, true)
  let deep: JsonValue = []
  for (let depth = 0; depth < 30_000; depth += 1) deep = [deep]
  assert.equal(readReceivedEvent({ ...large, content: { deep } }, rules).valid, false)
  assert.ok(performance.now() - started < 500)
})
