import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { fieldTree } from '#protocol/picked-text.ts'
import type { JsonObject, JsonValue } from '#protocol/json.ts'
import type { EventRow } from '#storage/events.ts'
import { aRow } from '../../../test/event-rows.ts'
import type { SlowContext } from '../../../test/slow-serializer.ts'
import {
  alice,
  bob,
  companions,
  contextOf,
  nothing,
  now,
  one,
  pdu,
  relating,
  stored,
  told,
  unsignedOf,
} from '../../../test/told-events.ts'
import { CutCache } from './cut-cache.ts'
import { serialize, serializeInvitation } from './serialize.ts'

test('a bare event has exactly the keys of the first format', () => {
  const bare = aRow({ json: '{"content":{},"room_id":"!r:a","sender":"@a:a","type":"t"}', type: 't' })
  const keys = Object.keys(one(bare, { reader: undefined })).sort()
  // The age that is always known stands at the top level, too.
  assert.deepEqual(keys, ['age', 'content', 'event_id', 'room_id', 'sender', 'type', 'unsigned', 'user_id'])
})

test('an empty list of fields wants everything', () => {
  const row = stored()
  assert.deepEqual(one(row, { fields: [] })['content'], pdu.content)
  assert.equal(fieldTree([]), undefined)
})

test('fields that are not there, or lie in what is no object, add nothing', () => {
  const row = stored({ content: { body: 'x', list: [1, 2], 'm.dotted': { 'a\\b': 1, c: 2 } } })
  assert.deepEqual(one(row, { fields: ['content.none', 'nothing', 'content.list.1', 'type.x'] }), {})
  assert.deepEqual(one(row, { fields: ['content.body'] }), { content: { body: 'x' } })
  assert.deepEqual(one(row, { fields: ['content.m\\.dotted.a\\\\b'] }), { content: { 'm.dotted': { 'a\\b': 1 } } })
  for (const fields of [
    ['content', 'content.body'],
    ['content.body', 'content'],
  ])
    assert.deepEqual(one(row, { fields }), { content: JSON.parse(row.json).content })
})

test('a filter drops why an event was redacted unless it names it', () => {
  const redaction = stored({ type: 'm.room.redaction', content: {} })
  const row = stored({}, { redactedBy: redaction.eventNid })
  const wish = { companions: companions(redaction) }
  assert.deepEqual(one(row, { ...wish, fields: ['type'] }), { type: 'm.room.message' })
  const named = one(row, { ...wish, fields: ['unsigned.redacted_because'] })
  assert.equal(((named['unsigned'] as JsonObject)['redacted_because'] as JsonObject)['event_id'], redaction.eventId)
})

test('what relates to an event is told whatever fields are wanted', () => {
  const edit = stored({ content: { body: '* x' } })
  const row = stored()
  const wish = { companions: companions(edit), relations: relating(row, { editNid: edit.eventNid }) }
  assert.deepEqual(one(row, { ...wish, fields: ['content.body'] }), {
    content: { body: 'hello' },
    unsigned: { 'm.relations': { 'm.replace': { content: { body: '* x' } } } },
  })
  const both = one(row, { ...wish, fields: ['unsigned.age'] })
  assert.deepEqual(Object.keys(both['unsigned'] as JsonObject), ['age', 'm.relations'])
})

test('the second format drops what concerns servers and keeps unknown keys', () => {
  const { unsigned: _, ...event } = one(stored({ origin: 'a', prev_state: [], odd: { x: [1] } }), { format: 'v2' })
  assert.deepEqual(Object.keys(event).sort(), [
    'content',
    'event_id',
    'odd',
    'origin_server_ts',
    'room_id',
    'sender',
    'type',
  ])
})

test('without its room an event says none, except a create event of room version 12', () => {
  assert.equal('room_id' in one(stored(), { format: 'v2WithoutRoomId' }), false)
  const { room_id: _, ...rest } = pdu
  const create = aRow({ json: canonicalJson({ ...rest, type: 'm.room.create' }), type: 'm.room.create' })
  assert.equal(one(create, { format: 'v2WithoutRoomId' })['room_id'], '!' + create.eventId.slice(1))
  const old = stored({ type: 'm.room.create' }, { roomNid: 10 })
  assert.equal('room_id' in one(old, { format: 'v2WithoutRoomId' }), false)
})

test('the first format promotes its part of unsigned, and nothing else', () => {
  const before = stored({ content: { name: 'before' }, type: 'm.room.name', state_key: '' })
  const redaction = stored({ type: 'm.room.redaction' })
  const row = stored(
    { type: 'm.room.name' },
    { replacesNid: before.eventNid, redactedBy: redaction.eventNid, keyNid: 3 },
  )
  const event = one(row, { companions: companions(before, redaction), memberships: new Map([[1, 'join']]) })
  const unsigned = event['unsigned'] as JsonObject
  for (const key of ['age', 'replaces_state', 'prev_content', 'redacted_because'])
    assert.deepEqual(event[key], unsigned[key])
  assert.deepEqual(unsigned['prev_content'], { name: 'before' })
  assert.equal(unsigned['prev_sender'], '@a:example.org')
  assert.equal(unsigned['redacted_by'], redaction.eventId)
  for (const key of ['membership', 'prev_sender', 'redacted_by', 'm.relations', 'transaction_id'])
    assert.equal(key in event, false, key)
})

test('nobody is named as the user of an event without a sender', () => {
  assert.equal('user_id' in one(stored({ sender: null })), false)
  assert.equal('user_id' in one(aRow({ json: '{"content":{},"type":"t"}', type: 't' })), false)
})

test('an event cannot say of itself what the server says of it', () => {
  const forged = {
    age: 1,
    redacted_because: {},
    prev_content: {},
    user_id: '@x:x',
    event_id: '$x',
    unsigned: { age: 1 },
  }
  const event = one(stored(forged))
  assert.equal(event['age'], 100_000)
  assert.equal('redacted_because' in event || 'prev_content' in event, false)
  assert.deepEqual(event['unsigned'], { age: 100_000 })
})

test('an age may be negative, and is left out when it cannot be told', () => {
  assert.equal(unsignedOf(stored({}, { originServerTs: now + 5 }))['age'], -5)
  assert.equal('age' in unsignedOf(stored({}, { originServerTs: -Number.MAX_SAFE_INTEGER })), false)
})

test('an age that an event brings along means nothing', () => {
  for (const unsigned of [{ age_ts: 'x' }, { age_ts: 2 ** 80 }, [], 'x', null, 1])
    assert.deepEqual(unsignedOf(stored({ unsigned })), { age: 100_000 })
})

test('the raw format keeps hashes and signatures, and has an age and an event id', () => {
  const { event_id: eventId, unsigned, ...rest } = one(stored(), { format: 'raw' })
  assert.deepEqual(rest, pdu)
  assert.match(String(eventId), /^\$event/)
  assert.deepEqual(unsigned, { age: 100_000 })
})

const sent = { senderNid: alice, deviceId: 'DEVICE', txnId: 'txn' }
const transactions: readonly [string, Partial<EventRow>, SlowContext['reader'], boolean][] = [
  ['the device that gave it', sent, { userNid: alice, deviceId: 'DEVICE', hasOneDevice: false }, true],
  ['another device of the user', sent, { userNid: alice, deviceId: 'OTHER', hasOneDevice: false }, false],
  [
    'another user with a device of the same name',
    sent,
    { userNid: bob, deviceId: 'DEVICE', hasOneDevice: false },
    false,
  ],
  ['nobody in particular', sent, undefined, false],
  [
    'a guest or application service',
    { ...sent, deviceId: null },
    { userNid: alice, deviceId: 'X', hasOneDevice: true },
    true,
  ],
  ['another guest', { ...sent, deviceId: null }, { userNid: bob, deviceId: 'X', hasOneDevice: true }, false],
  [
    'a device, when it names none',
    { ...sent, deviceId: null },
    { userNid: alice, deviceId: 'X', hasOneDevice: false },
    false,
  ],
]
for (const [whom, facts, reader, isTold] of transactions) {
  test(`a transaction id is ${isTold ? 'told' : 'not told'} to ${whom}`, () => {
    assert.equal(unsignedOf(stored({}, facts), { reader })['transaction_id'], isTold ? 'txn' : undefined)
  })
}

test('what a delayed event was is told to all devices of its sender, and to nobody else', () => {
  const row = stored({}, { senderNid: alice })
  const delayIds = new Map([[row.eventNid, 'delay']])
  const key = 'org.matrix.msc4140.delay_id'
  assert.equal(
    unsignedOf(row, { delayIds, reader: { userNid: alice, deviceId: 'ANY', hasOneDevice: false } })[key],
    'delay',
  )
  assert.equal(
    key in unsignedOf(row, { delayIds, reader: { userNid: bob, deviceId: 'ANY', hasOneDevice: false } }),
    false,
  )
  assert.equal(key in unsignedOf(row, { delayIds, reader: undefined }), false)
})

test('a redaction names its event in both places, wherever its room version keeps it', () => {
  for (const redacts of ['$bad', { odd: 1 }, 7]) {
    const old = one(stored({ type: 'm.room.redaction', content: { reason: 'r' }, redacts }, { roomNid: 10 }))
    const fresh = one(stored({ type: 'm.room.redaction', content: { reason: 'r', redacts } }, { roomNid: 11 }))
    for (const event of [old, fresh]) {
      assert.deepEqual(event['redacts'], redacts)
      assert.deepEqual(event['content'], { reason: 'r', redacts })
    }
  }
})

test('a redaction of null redacts nothing', () => {
  const content = { redacts: null }
  assert.equal('redacts' in one(stored({ type: 'm.room.redaction', content }, { roomNid: 11 })), false)
  const old = one(stored({ type: 'm.room.redaction', content: {}, redacts: null }, { roomNid: 10 }))
  assert.deepEqual([old['content'], old['redacts']], [{}, null])
})

test('a redacted redaction is told without what redacts it', () => {
  const second = stored({ type: 'm.room.redaction' })
  const first = stored({ type: 'm.room.redaction', content: { reason: 'x' } }, { redactedBy: second.eventNid })
  const row = stored({}, { redactedBy: first.eventNid })
  const because = unsignedOf(row, { companions: companions(first, second) })['redacted_because'] as JsonObject
  assert.deepEqual(because['content'], {})
  assert.equal('redacted_because' in (because['unsigned'] as JsonObject), false)
})

test('that an event is soft-failed is told to administrators, and only when it is', () => {
  const key = 'io.element.synapse.soft_failed'
  assert.equal(unsignedOf(stored({}, { softFailed: 1 }), { adminMetadata: true })[key], true)
  assert.equal(key in unsignedOf(stored({}, { softFailed: 1 })), false)
  assert.equal(key in unsignedOf(stored(), { adminMetadata: true }), false)
})

const sticky: readonly [string, JsonValue, number, number | undefined][] = [
  ['counts from when it was sent', { duration_ms: 200_000 }, now - 50_000, 150_000],
  ['counts from now when it was sent in the future', { duration_ms: 200_000 }, now + 50_000, 200_000],
  ['is an hour at most', { duration_ms: 2 ** 52 }, now, 3_600_000],
  ['is not told when it is over', { duration_ms: 1_000 }, now - 1_000, undefined],
  ['is nothing when negative', { duration_ms: -1 }, now, undefined],
  ['is nothing when a text', { duration_ms: '9' }, now, undefined],
  ['is nothing when not an object', [9], now, undefined],
]
for (const [what, msc4354_sticky, originServerTs, ttl] of sticky) {
  test(`the time for which an event sticks ${what}`, () => {
    const unsigned = unsignedOf(stored({ msc4354_sticky }, { originServerTs }))
    assert.equal(unsigned['msc4354_sticky_duration_ttl_ms'], ttl)
  })
}

test('the time for which an event sticks is nothing when a fraction', () => {
  const row = aRow({
    json: '{"content":{},"msc4354_sticky":{"duration_ms":1.5},"type":"t"}',
    type: 't',
    originServerTs: now,
  })
  assert.deepEqual(unsignedOf(row), { age: 0 })
})

test('what the reader was at an event is told where it is asked for', () => {
  const memberships = new Map([[5, 'leave']])
  assert.equal(unsignedOf(stored({}, { stateAfter: 5 }), { memberships })['membership'], 'leave')
  assert.equal('membership' in unsignedOf(stored({}, { stateAfter: 5 })), false)
})

test('an addition overwrites nothing, and reaches the edit', () => {
  const edit = stored()
  const row = stored()
  const additions = new Map(
    [row, edit].map((each) => [
      each.eventId,
      new Map([
        ['age', '"forged"'],
        ['m.relations', '{}'],
        ['org.example "key"', '{"of":1}'],
      ]),
    ]),
  )
  const relations = relating(row, { editNid: edit.eventNid })
  const unsigned = unsignedOf(row, { additions, companions: companions(edit), relations })
  const edited = (unsigned['m.relations'] as { 'm.replace': { unsigned: JsonObject } })['m.replace'].unsigned
  for (const each of [unsigned, edited]) {
    assert.deepEqual(each['org.example "key"'], { of: 1 })
    assert.equal(each['age'], 100_000)
  }
})

test('a thread tells its newest reply with its own edit, and an edit nothing of what relates to it', () => {
  const edit = stored()
  const editOfEdit = stored()
  const latest = stored()
  const root = stored()
  const relations = new Map([
    [root.eventId, { ...nothing, thread: { latestNid: latest.eventNid, count: 3 } }],
    [latest.eventId, { ...nothing, editNid: edit.eventNid }],
    [edit.eventId, { ...nothing, editNid: editOfEdit.eventNid }],
  ])
  const wish = { relations, companions: companions(edit, editOfEdit, latest), participated: new Set([root.eventId]) }
  const { 'm.thread': thread } = unsignedOf(root, wish)['m.relations'] as { 'm.thread': JsonObject }
  assert.deepEqual([thread['count'], thread['current_user_participated']], [3, true])
  const reply = thread['latest_event'] as { event_id: string; unsigned: { 'm.relations': { 'm.replace': JsonObject } } }
  assert.equal(reply.event_id, latest.eventId)
  assert.equal(reply.unsigned['m.relations']['m.replace']['event_id'], edit.eventId)
  assert.deepEqual(reply.unsigned['m.relations']['m.replace']['unsigned'], { age: 100_000 })
})

test('a batch keeps its order, and repeats what it is given twice', () => {
  const rows = [stored(), stored({ type: 'm.room.create' }), stored({}, { redactedBy: 9 })]
  const ids = told([...rows, ...rows], { format: 'v2WithoutRoomId' }).map((event) => event['event_id'])
  assert.deepEqual(
    ids,
    [...rows, ...rows].map((row) => row.eventId),
  )
})

test('numbers that no parser carries come out as they went in', () => {
  const content = '{"big":123456789012345678901234567890,"exact":9007199254740993}'
  const row = aRow({ json: `{"content":${content},"sender":"@a:a","type":"t"}`, type: 't' })
  const context = { ...contextOf(), fields: undefined, cuts: new CutCache() }
  assert.ok(serialize([row], context)[0]?.includes(content))
  assert.equal(
    serialize([row], { ...context, fields: fieldTree(['content.exact']) })[0],
    '{"content":{"exact":9007199254740993}}',
  )
  const levels = '{"ban":123456789012345678901}'
  const redacted = aRow({
    json: `{"content":${levels},"type":"m.room.power_levels"}`,
    type: 'm.room.power_levels',
    redactedBy: 1,
  })
  assert.ok(serialize([redacted], context)[0]?.includes(levels))
})

test('who is invited is told the stripped state, and the invitation in the place of what it says of that', () => {
  const content = { displayname: 'Bob', membership: 'invite', reason: 'x' }
  const row = stored({ type: 'm.room.member', state_key: '@bob:b', content }, { type: 'm.room.member' })
  const stripped = [
    { content: { name: 'a, "b" [c] {d}' }, sender: '@alice:a', state_key: '', type: 'm.room.name' },
    { content: { membership: 'join' }, sender: '@alice:a', state_key: '@alice:a', type: 'm.room.member' },
    { content: { membership: 'knock' }, sender: '@bob:b', state_key: '@bob:b', type: 'm.room.member' },
  ]
  const rules = contextOf().versions.get(row.roomNid)
  assert.ok(rules)
  const list = (each: typeof row, of: readonly object[]) =>
    JSON.parse(serializeInvitation(each, JSON.stringify(of), rules))
  const own = list(row, stripped)
  assert.deepEqual(own.slice(0, -1), stripped.slice(0, 2))
  const keys = ['content', 'event_id', 'sender', 'state_key', 'type']
  assert.deepEqual(
    Object.keys(own[2]).filter((key) => key !== 'origin_server_ts'),
    ['event_id', ...keys.filter((key) => key !== 'event_id')],
  )
  assert.deepEqual([own[2].event_id, own[2].content], [row.eventId, content])
  assert.deepEqual(list({ ...row, redactedBy: 1 }, [])[0].content, { membership: 'invite' })
})
