import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { fieldTree } from '#protocol/picked-text.ts'
import type { JsonObject, JsonValue } from '#protocol/json.ts'
import type { EventRow } from '#storage/events.ts'
import { CutCache } from '../../src/rooms/client-events/cut-cache.ts'
import type { RelationFacts } from '../../src/rooms/client-events/relation-facts.ts'
import { serialize } from '../../src/rooms/client-events/serialize.ts'
import { aRow } from '../event-rows.ts'
import type { SlowContext } from '../slow-serializer.ts'
import { alice, bob, companions, contextOf, now, told } from '../told-events.ts'

/** Names that mean something to JavaScript, to JSON or to Matrix. */
const oddNames = fc.constantFrom(
  ...[
    '__proto__',
    'constructor',
    'a.b',
    'a\\b',
    'é"',
    '\u2028',
    '😀',
    'unsigned',
    'age',
    'redacts',
    'room_id',
    'event_id',
  ],
  ...[
    'content',
    'body',
    'm.relates_to',
    'rel_type',
    'transaction_id',
    'redacted_because',
    'third_party_invite',
    'membership',
  ],
  ...['msc4354_sticky', 'duration_ms', 'user_id', 'hashes', 'm.relations', ''],
)
const oddValue = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  object: fc.array(fc.tuple(oddNames, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.constantFrom('', '}{', '"', '\\', '$id', '@a:a', '\u0000'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
}))
const oddType = fc.constantFrom(
  'm.room.message',
  'm.room.redaction',
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
)
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(some, { nil: null })

const eventCount = 8
const nid = fc.integer({ min: 1, max: eventCount })
const oddRow = fc.record({
  more: oddValue.object,
  type: oddType,
  roomNid: fc.constantFrom(1, 10, 11),
  senderNid: fc.constantFrom(alice, bob),
  deviceId: maybe(fc.constantFrom('DEVICE', 'OTHER')),
  redactedBy: maybe(nid),
  replacesNid: maybe(nid),
  softFailed: fc.constantFrom(0, 1),
  stateAfter: maybe(fc.constant(1)),
  originServerTs: fc.oneof(fc.constant(now - 5), fc.maxSafeInteger()),
})
const oddWorld = fc.record({
  rows: fc.array(oddRow, { minLength: eventCount, maxLength: eventCount }),
  facts: fc.array(
    fc.record({ of: nid, editNid: fc.option(nid, { nil: undefined }), latestNid: fc.option(nid, { nil: undefined }) }),
    { maxLength: 5 },
  ),
  format: fc.constantFrom('raw', 'v1', 'v2', 'v2WithoutRoomId'),
  fields: fc.array(
    fc.constantFrom(
      'content',
      'content.body',
      'unsigned',
      'unsigned.age',
      'a\\.b',
      'content.__proto__',
      'a\\\\b',
      '__proto__',
      'é"',
    ),
    { maxLength: 3 },
  ),
  reader: fc.option(
    fc.record({ userNid: fc.constantFrom(alice, bob), deviceId: fc.constant('DEVICE'), hasOneDevice: fc.boolean() }),
    {
      nil: undefined,
    },
  ),
  adminMetadata: fc.boolean(),
  additions: fc.dictionary(oddNames, oddValue.value, { maxKeys: 3 }),
})

/** Rows and a context of a world in which everything refers to everything. Replies refer to later events only. */
function worldOf(world: typeof oddWorld extends fc.Arbitrary<infer T> ? T : never): {
  rows: EventRow[]
  context: SlowContext
} {
  const rows = world.rows.map(({ more, ...facts }, index) =>
    aRow({
      ...facts,
      eventNid: index + 1,
      txnId: `txn of ${facts.senderNid}`,
      json: canonicalJson({ ...Object.fromEntries(Object.entries(more)), type: facts.type }, false),
    }),
  )
  const relations = new Map<string, RelationFacts>()
  for (const { of, editNid, latestNid } of world.facts)
    relations.set(`$event${of}`, {
      editNid,
      thread: latestNid === undefined || latestNid <= of ? undefined : { latestNid, count: of },
      references: editNid === undefined ? [] : [{ eventId: '$r"', senderNid: alice }],
    })
  const additions = new Map(Object.entries(world.additions).map(([key, value]) => [key, canonicalJson(value, false)]))
  const { format, fields, reader, adminMetadata } = world
  const context = contextOf({
    ...{ format, fields, reader, adminMetadata, relations },
    companions: companions(...rows),
    additions: new Map([['$event1', additions]]),
    delayIds: new Map([[2, 'delay']]),
    memberships: new Map([[1, 'join']]),
    participated: new Set(['$event3']),
  })
  return { rows, context }
}

test('whatever the events and the reader, the text is that of the slow way', () => {
  fc.assert(
    fc.property(oddWorld, (world) => {
      const { rows, context } = worldOf(world)
      told(rows, context)
    }),
    { numRuns: 500 },
  )
})

test('no transaction id of anybody else is told anywhere, however deep', () => {
  fc.assert(
    fc.property(oddWorld, (world) => {
      const { rows, context } = worldOf(world)
      const texts = serialize(rows, { ...context, fields: fieldTree(context.fields), cuts: new CutCache() })
      const others = [alice, bob].filter((userNid) => userNid !== context.reader?.userNid)
      for (const userNid of others) assert.equal(texts.join('').includes(`"txn of ${userNid}"`), false)
    }),
    { numRuns: 500 },
  )
})

test('nothing that is given is changed', () => {
  fc.assert(
    fc.property(oddWorld, (world) => {
      const { rows, context } = worldOf(world)
      const given = (): unknown =>
        structuredClone([rows, ...[context.companions, context.relations, context.additions]])
      const before = given()
      told(rows, context)
      assert.deepEqual(given(), before)
    }),
    { numRuns: 50 },
  )
})
