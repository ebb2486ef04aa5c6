import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { aMember, anEvent, stateOf } from '../../test/events.ts'
import { checkAuth, type Verdict } from './auth-rules.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { creatorsOf, powerLevelOf, readLevel, requiredLevel } from './power-levels.ts'
import { knownRoomVersions, roomVersion, type RoomVersionRules } from './room-versions.ts'

const alice = '@alice:a.example'
const bob = '@bob:b.example'
const carol = '@carol:c.example'

function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

/** Whether `sender` may change the power levels from one content to the other in a room that a stranger made. */
function change(version: string, sender: string, before: JsonValue, after: JsonObject): Verdict {
  const rules = rulesOf(version)
  const roomId = rules.roomIdIsCreateId ? '!create:z.example' : '!room:z.example'
  const creator = '@creator:z.example'
  const create = anEvent({
    type: 'm.room.create',
    eventId: '$create:z.example',
    roomId,
    sender: creator,
    stateKey: '',
    content: { creator },
  })
  const joined = [alice, bob, carol, creator].map((userId) => aMember('join', userId, { roomId }))
  const levels = (content: JsonObject) =>
    anEvent({ type: 'm.room.power_levels', roomId, sender, stateKey: '', content })
  const current = before === null ? [] : [levels(before as JsonObject)]
  return checkAuth(levels(after), stateOf(create, ...joined, ...current), rules)
}

function assertRejected(verdict: Verdict, rule: string): void {
  assert.equal(verdict.allowed, false)
  if (!verdict.allowed) assert.equal(verdict.rule, rule)
}

describe('reading levels', () => {
  test('strings count until version 9, fractions until version 5', () => {
    const [five, nine, ten] = [rulesOf('5'), rulesOf('9'), rulesOf('10')]
    for (const [value, loose, strings, integers] of [
      [50, 50, 50, 50],
      [-1, -1, -1, -1],
      ['100', 100, 100, undefined],
      [' +00100 ', 100, 100, undefined],
      [' -100\n', -100, -100, undefined],
      [50.57, 50, undefined, undefined],
      [51146.98, 51146, undefined, undefined],
      [Number.POSITIVE_INFINITY, undefined, undefined, undefined],
      [2 ** 53, 2 ** 53, undefined, undefined],
      ['1e3', undefined, undefined, undefined],
      ['0x10', undefined, undefined, undefined],
      ['+ 1', undefined, undefined, undefined],
      ['1.0', undefined, undefined, undefined],
      ['', undefined, undefined, undefined],
      ['9'.repeat(400), undefined, undefined, undefined],
      [true, undefined, undefined, undefined],
      [null, undefined, undefined, undefined],
      [[5], undefined, undefined, undefined],
    ] as const) {
      assert.equal(readLevel(value, five), loose, `version 5: ${JSON.stringify(value)}`)
      assert.equal(readLevel(value, nine), strings, `version 9: ${JSON.stringify(value)}`)
      assert.equal(readLevel(value, ten), integers, `version 10: ${JSON.stringify(value)}`)
    }
  })

  test('creators are named differently by version', () => {
    const create = anEvent({ type: 'm.room.create', content: { creator: bob, additional_creators: [carol, 5] } })
    assert.deepEqual([...creatorsOf(create, rulesOf('10'))], [bob])
    assert.deepEqual([...creatorsOf(create, rulesOf('11'))], [alice])
    assert.deepEqual([...creatorsOf(create, rulesOf('12'))], [alice, carol])
  })

  test('names of inherited properties are no users and no events', () => {
    const levels = anEvent({ type: 'm.room.power_levels', stateKey: '', content: { users: {}, events: {} } })
    const rules = rulesOf('11')
    assert.equal(powerLevelOf('__proto__', stateOf(levels), rules), 0)
    assert.equal(requiredLevel('constructor', false, stateOf(levels), rules), 0)
    assert.equal(requiredLevel('toString', true, stateOf(levels), rules), 50)
  })
})

describe('changing levels', () => {
  const half = { users: { [alice]: 50 }, events: { 'm.room.power_levels': 50 } }

  test('the first power levels may be anything that can be read', () => {
    for (const version of knownRoomVersions) {
      const sender = '@creator:z.example'
      const integers = rulesOf(version).levelsWritten === 'integers'
      assert.equal(change(version, sender, null, { users: { [alice]: 1000 } }).allowed, true)
      assert.equal(change(version, sender, null, { ban: 'x' }).allowed, !integers)
      assert.equal(change(version, sender, null, { users: { alice: 5 } }).allowed, false)
      assert.equal(change(version, sender, null, { users: { [alice]: '5' } }).allowed, !integers)
      assert.equal(change(version, sender, null, { users: [] }).allowed, false)
      assert.equal(change(version, sender, null, { users: { [alice]: 5, nobody: 5 } }).allowed, false)
      assert.equal(change(version, sender, null, { users: { [alice]: 5, [bob]: 'x' } }).allowed, false)
      assert.equal(change(version, sender, null, { events: 5 }).allowed, !integers)
    }
    assertRejected(change('12', '@creator:z.example', null, { ban: '50' }), '10.1')
    assertRejected(change('11', '@creator:z.example', null, { notifications: { room: '1' } }), '9.2')
    assertRejected(change('9', '@creator:z.example', null, { users: { [alice]: 'x' } }), '9.1')
    assertRejected(change('1', '@creator:z.example', null, { users: null }), '10.1')
  })

  test('from version 12 creators have no entry', () => {
    assertRejected(change('12', '@creator:z.example', null, { users: { '@creator:z.example': 100 } }), '10.4')
    assert.equal(change('11', '@creator:z.example', null, { users: { '@creator:z.example': 100 } }).allowed, true)
  })

  test('levels by themselves move only below the sender', () => {
    for (const [version, number] of [
      ['1', '10.3'],
      ['6', '9.3'],
      ['10', '9.5'],
      ['12', '10.6'],
    ] as const) {
      assert.equal(change(version, alice, half, { ...half, ban: 50 }).allowed, true)
      assertRejected(change(version, alice, half, { ...half, ban: 51 }), `${number}.2`)
      const high = { ...half, kick: 75 }
      assertRejected(change(version, alice, high, { ...half, kick: 50 }), `${number}.1`)
      assertRejected(change(version, alice, high, half), `${number}.1`)
      assert.equal(change(version, alice, high, high).allowed, true)
    }
  })

  test('events, and from version 6 notifications, move only below the sender', () => {
    for (const [version, old, fresh] of [
      ['1', '10.4', '10.5'],
      ['6', '9.4', '9.5'],
      ['11', '9.6', '9.7'],
      ['12', '10.7', '10.8'],
    ] as const) {
      const entry = (level: number) => ({ ...half, events: { ...half.events, x: level } })
      assertRejected(change(version, alice, half, entry(51)), `${fresh}.1`)
      assertRejected(change(version, alice, entry(51), half), `${old}.1`)
      assertRejected(change(version, alice, entry(51), entry(5)), `${old}.1`)
      assert.equal(change(version, alice, entry(51), entry(51)).allowed, true)
      assert.equal(change(version, alice, entry(50), entry(5)).allowed, true)
      const loud = { ...half, notifications: { room: 51 } }
      assert.equal(change(version, alice, half, loud).allowed, version === '1')
      assert.equal(change(version, alice, loud, half).allowed, version === '1')
    }
  })

  test('users: nobody takes from an equal but oneself, nobody gets above the sender', () => {
    for (const [version, old, fresh] of [
      ['1', '10.6', '10.7'],
      ['6', '9.6', '9.7'],
      ['11', '9.8', '9.9'],
      ['12', '10.9', '10.10'],
    ] as const) {
      const users = (more: JsonObject) => ({ ...half, users: { ...half.users, ...more } })
      assertRejected(change(version, alice, users({ [bob]: 50 }), users({ [bob]: 49 })), `${old}.1`)
      assertRejected(change(version, alice, users({ [bob]: 50 }), users({})), `${old}.1`)
      assert.equal(change(version, alice, users({ [bob]: 49 }), users({ [bob]: 50 })).allowed, true)
      assert.equal(change(version, alice, users({}), users({ [alice]: 0 })).allowed, true)
      assertRejected(change(version, alice, users({}), users({ [bob]: 51 })), `${fresh}.1`)
      assertRejected(change(version, alice, users({}), users({ [alice]: 51 })), `${fresh}.1`)
    }
  })

  test('the same level written differently is no change', () => {
    const before = { ...half, ban: 75, users: { ...half.users, [bob]: 75 } }
    const after = { ...half, ban: '75', users: { ...half.users, [bob]: ' 075' } }
    assert.equal(change('9', alice, before, after).allowed, true)
    assert.equal(change('5', alice, before, { ...after, ban: 75.9 }).allowed, true)
    assertRejected(change('9', alice, before, { ...after, kick: 'high' }), '9.3.2')
  })
})

const level = fc.oneof(
  fc.integer({ min: -5, max: 105 }),
  fc.constantFrom<JsonValue>('5', ' 7 ', 1.5, null, 'x', {}, 2 ** 53),
)
const levelMap = fc.dictionary(fc.constantFrom('m.room.name', 'x', '__proto__', alice, bob), level)
const content = fc.record(
  {
    ban: level,
    users_default: level,
    state_default: level,
    events: fc.oneof(levelMap, level),
    users: fc.oneof(levelMap, level),
    notifications: levelMap,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>
const version = fc.constantFrom(...knownRoomVersions)

test('any content gives a verdict, never an exception', () => {
  fc.assert(
    fc.property(version, content, content, (name, before, after) => {
      assert.equal(typeof change(name, alice, before, after).allowed, 'boolean')
    }),
  )
})

test('taking a permission away never allows more', () => {
  const levels = fc.record({
    events_default: fc.integer({ min: 0, max: 100 }),
    state_default: fc.integer({ min: 0, max: 100 }),
    invite: fc.integer({ min: 0, max: 100 }),
    kick: fc.integer({ min: 0, max: 100 }),
    ban: fc.integer({ min: 0, max: 100 }),
  })
  const own = fc.integer({ min: 0, max: 100 })
  fc.assert(
    fc.property(version, levels, own, fc.integer({ min: 0, max: 100 }), fc.nat(4), (name, named, mine, less, kind) => {
      const rules = rulesOf(name)
      const roomId = rules.roomIdIsCreateId ? '!create:z.example' : '!room:z.example'
      const create = anEvent({
        type: 'm.room.create',
        eventId: '$create:z.example',
        roomId,
        sender: carol,
        stateKey: '',
        content: { creator: carol },
      })
      const event =
        [
          anEvent({ roomId }),
          anEvent({ roomId, type: 'm.room.name', stateKey: '' }),
          aMember('invite', alice, { roomId, target: '@dave:d' }),
          aMember('leave', alice, { roomId, target: bob }),
          aMember('ban', alice, { roomId, target: bob }),
        ][kind] ?? anEvent({ roomId })
      const allowedAt = (mineNow: number) => {
        const power = anEvent({
          roomId,
          type: 'm.room.power_levels',
          stateKey: '',
          content: { ...named, users: { [alice]: mineNow } },
        })
        return checkAuth(
          event,
          stateOf(create, power, aMember('join', alice, { roomId }), aMember('join', bob, { roomId })),
          rules,
        ).allowed
      }
      if (allowedAt(Math.min(mine, less))) assert.ok(allowedAt(Math.max(mine, less)))
    }),
  )
})
