import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ClientFormat, type CutOptions, cutEvent, spliceEvent } from './client-event.ts'
import { jsonMember, jsonMembers } from './json-members.ts'

/** A PDU's text with its keys sorted at every level, as it is stored. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']'
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return '{' + entries.map(([key, inner]) => JSON.stringify(key) + ':' + canonical(inner)).join(',') + '}'
}

const message = {
  auth_events: ['$a', '$b'],
  content: { body: 'he said "}{" \\', msgtype: 'm.text' },
  depth: 12,
  hashes: { sha256: 'abc' },
  origin_server_ts: 1700000000000,
  prev_events: ['$p'],
  room_id: '!r:example.org',
  sender: '@a:example.org',
  signatures: { 'example.org': { 'ed25519:1': 'sig' } },
  type: 'm.room.message',
}

function shown(pdu: object, format: ClientFormat, options: Partial<CutOptions> = {}): Record<string, unknown> {
  const type = (pdu as { type?: string }).type ?? 'x'
  const { text: cut } = cutEvent(canonical(pdu), {
    eventId: '$e',
    type,
    format,
    roomIdFromCreate: false,
    redactsInContent: true,
    ...options,
  })
  return JSON.parse(spliceEvent(cut, { age: 5 }, format)) as Record<string, unknown>
}

test('a message under a room keeps only what a client reads', () => {
  assert.deepEqual(shown(message, 'v2WithoutRoomId'), {
    content: message.content,
    event_id: '$e',
    origin_server_ts: message.origin_server_ts,
    sender: message.sender,
    type: message.type,
    unsigned: { age: 5 },
  })
})

test('a message alone keeps its room', () => {
  assert.equal(shown(message, 'v2')['room_id'], '!r:example.org')
})

test('the first format repeats sender and age at the top level', () => {
  const event = shown(message, 'v1')
  assert.equal(event['user_id'], message.sender)
  assert.equal(event['age'], 5)
  assert.deepEqual(Object.keys(event).sort(), [
    'age',
    'content',
    'event_id',
    'origin_server_ts',
    'room_id',
    'sender',
    'type',
    'unsigned',
    'user_id',
  ])
})

test('the raw format keeps what servers need and still says the event id', () => {
  const { unsigned, event_id: eventId, ...rest } = shown(message, 'raw')
  assert.deepEqual(rest, message)
  assert.equal(eventId, '$e')
  assert.deepEqual(unsigned, { age: 5 })
})

test('unknown keys survive, and an unsigned or event_id in the text does not', () => {
  const event = shown({ ...message, 'a"b\\': [1, { c: '}' }], event_id: '$old', unsigned: { age: 9 } }, 'v2')
  assert.deepEqual(event['a"b\\'], [1, { c: '}' }])
  assert.equal(event['event_id'], '$e')
  assert.deepEqual(event['unsigned'], { age: 5 })
})

test('a create event of room version 12 says its room in every format', () => {
  const { room_id: _, ...create } = { ...message, type: 'm.room.create', state_key: '' }
  assert.equal(shown(create, 'v2WithoutRoomId', { roomIdFromCreate: true })['room_id'], '!e')
  assert.equal(shown(create, 'v2', { roomIdFromCreate: true })['room_id'], '!e')
})

test('from room version 11 redacts is shown at the top level too', () => {
  const redaction = { ...message, type: 'm.room.redaction', content: { reason: 'spam', redacts: '$bad' } }
  const event = shown(redaction, 'v2')
  assert.equal(event['redacts'], '$bad')
  assert.deepEqual(event['content'], { reason: 'spam', redacts: '$bad' })
})

test('before room version 11 redacts is shown in the content too', () => {
  const redaction = { ...message, type: 'm.room.redaction', content: { reason: 'spam' }, redacts: '$bad' }
  const event = shown(redaction, 'v2', { redactsInContent: false })
  assert.equal(event['redacts'], '$bad')
  assert.deepEqual(event['content'], { reason: 'spam', redacts: '$bad' })
  const { content: _, ...bare } = redaction
  assert.deepEqual(shown(bare, 'v2', { redactsInContent: false })['content'], { redacts: '$bad' })
})

test('redacts that is null counts as absent', () => {
  const redaction = { ...message, type: 'm.room.redaction', content: { redacts: null } }
  assert.equal('redacts' in shown(redaction, 'v2'), false)
})

test('unsigned tells everything it is given, and the first format promotes its part of it', () => {
  const { text: cut } = cutEvent(canonical(message), {
    eventId: '$e',
    type: message.type,
    format: 'v1',
    roomIdFromCreate: false,
    redactsInContent: true,
  })
  const event = JSON.parse(
    spliceEvent(
      cut,
      {
        age: -3,
        transactionId: 't"1',
        membership: 'join',
        replacesState: '$old',
        prevContentText: '{"name":"old"}',
        redactedBecauseText: '{"type":"m.room.redaction"}',
        relationsText: '{"m.reference":{"chunk":[]}}',
      },
      'v1',
    ),
  ) as Record<string, unknown>
  assert.deepEqual(event['unsigned'], {
    age: -3,
    transaction_id: 't"1',
    membership: 'join',
    replaces_state: '$old',
    prev_content: { name: 'old' },
    redacted_because: { type: 'm.room.redaction' },
    'm.relations': { 'm.reference': { chunk: [] } },
  })
  assert.equal(event['age'], -3)
  assert.equal(event['replaces_state'], '$old')
  assert.deepEqual(event['prev_content'], { name: 'old' })
  assert.deepEqual(event['redacted_because'], { type: 'm.room.redaction' })
  assert.equal('transaction_id' in event || 'membership' in event || 'm.relations' in event, false)
})

test('an event with nothing to say about it has an empty unsigned', () => {
  const { text: cut } = cutEvent('{"type":"x"}', {
    eventId: '$e',
    type: 'x',
    format: 'v2',
    roomIdFromCreate: false,
    redactsInContent: true,
  })
  assert.equal(spliceEvent(cut, {}, 'v2'), '{"event_id":"$e","type":"x","unsigned":{}}')
})

test('members are found in any JSON object', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object)
      const parsed = JSON.parse(text) as Record<string, unknown>
      const found = jsonMembers(text).map((member) => [
        JSON.parse('"' + member.key + '"') as string,
        JSON.parse(text.slice(member.value, member.end)) as unknown,
      ])
      assert.deepEqual(found, Object.entries(parsed))
    }),
  )
})

test('one member is found by its key, and null counts as absent', () => {
  assert.equal(jsonMember('{"a":1,"b":{"a":2}}', 'b'), '{"a":2}')
  assert.equal(jsonMember('{"a":null}', 'a'), undefined)
  assert.equal(jsonMember('{}', 'a'), undefined)
})
