import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { anEvent, type EventWish } from '../../test/events.ts'
import { aPublicRoom, powerOf, type RoomGraph } from '../../test/room-graph.ts'
import { sha1Hex } from './crypto.ts'
import type { Event } from './event.ts'
import type { EventId } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { roomVersion } from './room-versions.ts'
import { stateKeyText } from './state-key.ts'
import { resolveState, type StateMap } from './state-resolution.ts'
import { conflictedSubgraph } from './state-resolution/conflicted-subgraph.ts'

const alice = '@alice:a'
const bob = '@bob:a'
const charlie = '@charlie:a'

const versions = ['2', '6', '11', '12']

const topic = (sender: string, after: string[]) => ({ type: 'm.room.topic', sender, stateKey: '', after })
const power = (graph: RoomGraph, sender: string, others: Record<string, number>, after: string[]) => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content: { users: powerOf(graph, others) } as JsonObject,
  after,
})
const member = (sender: string, target: string, membership: string, after: string[]) => ({
  type: 'm.room.member',
  sender,
  stateKey: target,
  content: { membership },
  after,
})

describe('version 2 of the algorithm, and 2.1', () => {
  for (const version of versions) {
    test(`a ban goes before the power levels that the banned sets at the same time (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('pa', power(graph, alice, { [bob]: 50 }, ['start']))
      graph.add('ma', member(alice, alice, 'join', ['pa']))
      graph.add('mb', member(alice, bob, 'ban', ['ma']))
      graph.add('pb', power(graph, bob, { [bob]: 50 }, ['pa']))
      const state = graph.stateBefore('mb', 'pb')
      assert.equal(graph.nameIn(state, 'm.room.power_levels'), 'pa')
      assert.equal(graph.nameIn(state, 'm.room.member', bob), 'mb')
      assert.equal(graph.nameIn(state, 'm.room.member', alice), 'ma')
    })

    test(`nobody slips in beside a join rule that closes the room (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('jr', {
        type: 'm.room.join_rules',
        sender: alice,
        stateKey: '',
        content: { join_rule: 'invite' },
        after: ['start'],
      })
      graph.add('ella', member('@ella:a', '@ella:a', 'join', ['start']))
      const state = graph.stateBefore('jr', 'ella')
      assert.equal(graph.nameIn(state, 'm.room.join_rules'), 'jr')
      assert.equal(graph.nameIn(state, 'm.room.member', '@ella:a'), undefined)
    })

    test(`power levels that follow one another keep their order (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('pa', power(graph, alice, { [bob]: 50 }, ['start']))
      graph.add('pb', power(graph, bob, { [bob]: 50, [charlie]: 50 }, ['pa']))
      graph.add('pc', power(graph, charlie, { [bob]: 50, [charlie]: 0 }, ['pb']))
      assert.equal(graph.nameIn(graph.stateBefore('pc', 'pa'), 'm.room.power_levels'), 'pc')
    })

    test(`topics follow the line of the power levels (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('t1', topic(alice, ['start']))
      graph.add('pa1', power(graph, alice, { [bob]: 50 }, ['t1']))
      graph.add('t2', topic(alice, ['pa1']))
      graph.add('pa2', power(graph, alice, { [bob]: 0 }, ['t2']))
      graph.add('pb', power(graph, bob, { [bob]: 50 }, ['pa1']))
      graph.add('t3', topic(bob, ['pb']))
      const state = graph.stateBefore('pa2', 't3')
      assert.equal(graph.nameIn(state, 'm.room.power_levels'), 'pa2')
      assert.equal(graph.nameIn(state, 'm.room.topic'), 't2')
      graph.add('mz', { sender: alice, after: ['pa2', 't3'] })
      graph.add('t4', topic(alice, ['mz']))
      const later = graph.stateBefore('t4', 't3')
      assert.equal(graph.nameIn(later, 'm.room.topic'), 't4')
      assert.equal(graph.nameIn(later, 'm.room.power_levels'), 'pa2')
    })

    test(`a ban takes back the topic that the banned has set (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('t1', topic(alice, ['start']))
      graph.add('pa', power(graph, alice, { [bob]: 50 }, ['t1']))
      graph.add('t2', topic(bob, ['pa']))
      graph.add('mb', member(alice, bob, 'ban', ['t2']))
      const state = graph.stateBefore('mb', 't1')
      assert.equal(graph.nameIn(state, 'm.room.topic'), 't1')
      assert.equal(graph.nameIn(state, 'm.room.member', bob), 'mb')
      assert.equal(graph.nameIn(state, 'm.room.power_levels'), 'pa')
    })

    test(`of two topics under the same power levels the later counts, then the greater id (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('late', { ...topic(alice, ['start']), originServerTs: 9000 })
      graph.add('soon', { ...topic(alice, ['start']), originServerTs: 8000 })
      graph.add('x', { ...topic(alice, ['start']), originServerTs: 8000 })
      assert.equal(graph.nameIn(graph.stateBefore('late', 'soon'), 'm.room.topic'), 'late')
      assert.equal(graph.nameIn(graph.stateBefore('x', 'soon'), 'm.room.topic'), 'x')
    })

    test(`an old branch sets nothing back (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('t1', topic(alice, ['start']))
      graph.add('pa', power(graph, alice, { [bob]: 50 }, ['t1']))
      graph.add('cb', member(bob, charlie, 'leave', ['pa']))
      graph.add('t2', topic(bob, ['cb']))
      const state = graph.stateBefore('start', 't2')
      assert.equal(graph.nameIn(state, 'm.room.topic'), 't2')
      assert.equal(graph.nameIn(state, 'm.room.power_levels'), 'pa')
      assert.equal(graph.nameIn(state, 'm.room.member', charlie), 'cb')
    })
  }

  test('2.1 starts from nothing: what authorised a join is not replaced by what came after', () => {
    // Charlie's ban on one branch, his own change of name on the other; both know that he had joined.
    const graph = aPublicRoom('12')
    graph.add('ban', member(alice, charlie, 'ban', ['start']))
    graph.add('name', {
      ...member(charlie, charlie, 'join', ['start']),
      content: { membership: 'join', displayname: 'C' },
    })
    const state = graph.stateBefore('ban', 'name')
    assert.equal(graph.nameIn(state, 'm.room.member', charlie), 'ban')
  })

  test('2.1 brings in what stands between conflicted events, so that topics follow the power levels in force', () => {
    const roomId = '!create:a'
    const state = (type: string, eventId: string, authEvents: Event[], more: EventWish = {}) =>
      anEvent({ type, eventId, authEvents, roomId, sender: alice, stateKey: '', ...more })
    const create = state('m.room.create', '$create:a', [])
    const joins = { stateKey: alice, content: { membership: 'join' }, prevEvents: [create] }
    const first = state('m.room.member', '$first', [], joins)
    const older = state('m.room.power_levels', '$older', [first])
    const newer = state('m.room.power_levels', '$newer', [first, older])
    const renamed = state('m.room.member', '$renamed', [first, newer], { ...joins, prevEvents: [newer] })
    const late = state('m.room.topic', '$late', [older, first], { originServerTs: 9000 })
    const early = state('m.room.topic', '$early', [newer, first], { originServerTs: 8000 })
    const byId = new Map([create, first, older, newer, renamed, late, early].map((event) => [event.eventId, event]))
    const source = { event: (eventId: EventId) => byId.get(eventId), isRejected: () => false }
    const mapOf = (...events: Event[]) =>
      new Map(events.map((event) => [stateKeyText(event.type, event.stateKey ?? ''), event.eventId]))
    const rules = roomVersion('12')
    assert.ok(rules)
    const states = [mapOf(create, renamed, newer, early), mapOf(create, first, newer, late)]
    assert.deepEqual(entries(resolveState(states, source, rules)), entries(mapOf(create, renamed, newer, early)))
  })

  test('the subgraph is made of all paths between conflicted events', () => {
    const events = new Map<string, string[]>([
      ['a', ['b', 'x']],
      ['b', ['c']],
      ['c', ['d']],
      ['d', ['root']],
      ['x', ['root']],
      ['root', []],
      ['loop', ['pool', 'c']],
      ['pool', ['loop']],
    ])
    const find = (eventId: EventId): Event | undefined => {
      const authEvents = events.get(eventId)
      return authEvents === undefined ? undefined : anEvent({ eventId, authEvents })
    }
    const subgraph = (...ids: string[]) => [...conflictedSubgraph(new Set(ids as EventId[]), find)].sort()
    assert.deepEqual(subgraph('a', 'd'), ['a', 'b', 'c', 'd'])
    assert.deepEqual(subgraph('b', 'x'), ['b', 'x'])
    assert.deepEqual(subgraph('loop', 'd'), ['c', 'd', 'loop'])
    assert.deepEqual(subgraph('a', 'none'), ['a', 'none'])
  })
})

describe('what no state disagrees about', () => {
  for (const version of versions) {
    test(`what all agree about ${version === '12' ? 'does not bear' : 'bears'} on conflicted events (room version ${version})`, () => {
      const graph = aPublicRoom(version)
      graph.add('given', power(graph, alice, { [bob]: 50 }, ['start']))
      graph.add('early', { ...topic(alice, ['given']), originServerTs: 5_000 })
      graph.add('late', { ...topic(bob, ['given']), originServerTs: 6_000 })
      const taken = graph.add('taken', power(graph, alice, {}, ['given']))
      // In both states bob has no power any more, and in one his topic has stayed.
      const base = new Map([
        ...graph.stateAfter('given'),
        [stateKeyText('m.room.power_levels', ''), taken.eventId],
      ] as const)
      const states = ['early', 'late'].map(
        (name) => new Map([...base, [stateKeyText('m.room.topic', ''), `$${name}:a` as EventId]] as const),
      )
      const state = resolveState(states, graph, graph.rules)
      assert.equal(graph.nameIn(state, 'm.room.topic'), version === '12' ? 'late' : 'early')
      assert.equal(graph.nameIn(state, 'm.room.power_levels'), 'taken')
    })
  }
})

describe('version 1 of the algorithm', () => {
  test('power levels and bans are settled by depth, the rest by the deepest that is allowed', () => {
    const graph = aPublicRoom('1')
    graph.add('pa', power(graph, alice, { [bob]: 50 }, ['start']))
    graph.add('t1', topic(alice, ['pa']))
    graph.add('mb', member(alice, bob, 'ban', ['t1']))
    graph.add('t2', topic(bob, ['t1']))
    const state = graph.stateBefore('mb', 't2')
    assert.equal(graph.nameIn(state, 'm.room.member', bob), 'mb')
    // T1 and T2 alone are in conflict; bob is banned where T2 would be put, so that the older one stays.
    assert.equal(graph.nameIn(state, 'm.room.topic'), 't1')
  })

  test('the deepest topic counts, and of equally deep ones that with the lowest hash of its id', () => {
    const graph = aPublicRoom('1')
    const base = graph.stateAfter('start')
    const at = (depth: number, eventId: string) => {
      const event = { ...graph.add(eventId, topic(alice, ['start'])), depth }
      graph.events.set(event.eventId, event)
      return event.eventId
    }
    const chosen = (...ids: EventId[]) => {
      const states = ids.map((eventId) => new Map([...base, [stateKeyText('m.room.topic', ''), eventId] as const]))
      return resolveState(states, graph, graph.rules).get(stateKeyText('m.room.topic', ''))
    }
    for (const index of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const low = at(100, `low${index}`)
      const deep = at(101, `deep${index}`)
      assert.equal(chosen(low, deep), deep)
      const twin = at(101, `twin${index}`)
      assert.equal(chosen(low, deep, twin), sha1Hex(deep) < sha1Hex(twin) ? deep : twin)
    }
  })

  test('a key that only one branch has is no conflict', () => {
    const graph = aPublicRoom('1')
    graph.add('jr', {
      type: 'm.room.join_rules',
      sender: alice,
      stateKey: '',
      content: { join_rule: 'invite' },
      after: ['start'],
    })
    graph.add('ella', member('@ella:a', '@ella:a', 'join', ['start']))
    assert.equal(graph.nameIn(graph.stateBefore('jr', 'ella'), 'm.room.member', '@ella:a'), 'ella')
  })
})

/** A random history of a room: forks, joins, bans, power levels and topics, each after one or two earlier events. */
const step = fc.record({
  kind: fc.constantFrom('topic', 'power', 'ban', 'leave', 'join', 'rule'),
  by: fc.constantFrom(alice, bob, charlie),
  target: fc.constantFrom(bob, charlie, '@dave:a'),
  level: fc.constantFrom(0, 50, 100),
  after: fc.tuple(fc.nat(), fc.nat()),
  time: fc.integer({ min: 5000, max: 5003 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function history(version: string, steps: readonly Step[]): { graph: RoomGraph; names: string[] } {
  const graph = aPublicRoom(version)
  const names = ['start']
  for (const [index, { kind, by, target, level, after, time }] of steps.entries()) {
    const before = [...new Set(after.map((each) => names[each % names.length] ?? 'start'))]
    const wish =
      kind === 'topic'
        ? topic(by, before)
        : kind === 'power'
          ? power(graph, by, { [target]: level }, before)
          : kind === 'rule'
            ? {
                type: 'm.room.join_rules',
                sender: by,
                stateKey: '',
                content: { join_rule: level > 0 ? 'invite' : 'public' },
                after: before,
              }
            : kind === 'join'
              ? member(target, target, 'join', before)
              : member(by, target, kind, before)
    graph.add(`e${index}`, { ...wish, originServerTs: time })
    names.push(`e${index}`)
  }
  return { graph, names }
}

const entries = (state: StateMap) => [...state].sort()

test('the result is the same under any order of states and of their entries', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('1', ...versions),
      fc.array(step, { maxLength: 12 }),
      fc.array(fc.nat(), { minLength: 2, maxLength: 4 }),
      (version, steps, picks) => {
        const { graph, names } = history(version, steps)
        const states = picks.map((pick) => graph.stateAfter(names[pick % names.length] ?? 'start'))
        const turned = states.map((state) => new Map([...state].reverse())).reverse()
        assert.deepEqual(
          entries(resolveState(turned, graph, graph.rules)),
          entries(resolveState(states, graph, graph.rules)),
        )
      },
    ),
  )
})

test('equal states resolve to themselves, and every entry of a result comes from a state or a chain', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('1', ...versions),
      fc.array(step, { maxLength: 10 }),
      fc.nat(),
      (version, steps, pick) => {
        const { graph, names } = history(version, steps)
        const state = graph.stateAfter(names[pick % names.length] ?? 'start')
        assert.deepEqual(entries(resolveState([state, new Map(state), state], graph, graph.rules)), entries(state))
        for (const [key, eventId] of resolveState([state, graph.stateAfter('start')], graph, graph.rules)) {
          const event = graph.events.get(eventId)
          assert.equal(event === undefined ? undefined : stateKeyText(event.type, event.stateKey ?? ''), key)
        }
      },
    ),
  )
})
