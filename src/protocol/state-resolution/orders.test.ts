import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { rulesOf } from '../../../test/auth-rooms.ts'
import { aMember, anEvent } from '../../../test/events.ts'
import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'
import type { RoomVersionRules } from '../room-versions.ts'
import { stateKeyText } from '../state-key.ts'
import { authDifferenceOf } from './auth-difference.ts'
import { authIteratively } from './iterative-auth.ts'
import { mainlineOrder } from './mainline-order.ts'
import { reverseTopologicalPowerOrder } from './power-order.ts'
import { splitStates } from './split.ts'

const alice = '@alice:a'
const senders = [alice, '@bob:a', '@carol:a', '@dave:a']

const finder = (events: readonly Event[]) => {
  const byId = new Map(events.map((event) => [event.eventId, event]))
  return (eventId: EventId): Event | undefined => byId.get(eventId)
}

/** Where alice, who made it, has what the version gives her, and the others what `levels` says. */
function founding(version: string) {
  const roomId = rulesOf(version).roomIdIsCreateId ? '!create' : '!room:a'
  const creator = { creator: alice }
  const create = anEvent({
    type: 'm.room.create',
    eventId: '$create',
    roomId,
    stateKey: '',
    sender: alice,
    content: creator,
  })
  const content = { users: { '@bob:a': 50, '@carol:a': 50 } }
  const levels = anEvent({
    type: 'm.room.power_levels',
    eventId: '$levels',
    roomId,
    stateKey: '',
    content,
    sender: alice,
  })
  return { roomId, create, levels }
}

const wish = fc.record({
  sender: fc.constantFrom(...senders),
  time: fc.integer({ min: 1, max: 3 }),
  name: fc.integer({ min: 0, max: 9 }),
  withLevels: fc.boolean(),
  cites: fc.array(fc.nat(), { maxLength: 3 }),
})

function drawn(version: string, wishes: readonly (typeof wish extends fc.Arbitrary<infer T> ? T : never)[]) {
  const { roomId, create, levels } = founding(version)
  const events: Event[] = []
  for (const [index, { sender, time, name, withLevels, cites }] of wishes.entries()) {
    const cited = cites.flatMap((cite) => (index === 0 ? [] : [events[cite % index] as Event]))
    // What is no state event, and what stands under another key, says nothing about levels.
    const noise = [anEvent({ type: 'm.room.power_levels', stateKey: 'x', content: { users: { [sender]: 100 } } })]
    const authEvents = [create, ...(withLevels ? [levels] : []), ...cited, ...noise]
    events.push(aMember('join', sender, { roomId, eventId: `$${name}-${index}`, originServerTs: time, authEvents }))
  }
  return { events, find: finder([create, levels, ...events]), create, levels }
}

/** By the letter: of all events whose auth events are placed, the one that goes before all others. */
function smallestOrder(events: readonly Event[], levelOf: (event: Event) => number): Event[] {
  const left = new Set(events)
  const order: Event[] = []
  while (left.size > 0) {
    const ready = [...left].filter((event) => ![...left].some((other) => event.authEvents.includes(other.eventId)))
    const [next] = ready.sort(
      (x, y) =>
        (levelOf(x) === levelOf(y) ? 0 : levelOf(y) > levelOf(x) ? 1 : -1) ||
        x.originServerTs - y.originServerTs ||
        (x.eventId < y.eventId ? -1 : 1),
    )
    if (next === undefined) break
    left.delete(next)
    order.push(next)
  }
  return order
}

describe('the reverse topological power ordering', () => {
  for (const version of ['2', '12']) {
    test(`is the smallest order that puts nothing before what authorises it (room version ${version})`, () => {
      const rules = rulesOf(version)
      const levelOf = (event: Event): number => {
        if (rules.creatorsAbovePower && event.sender === alice) return Number.POSITIVE_INFINITY
        if (!event.authEvents.includes('$levels' as EventId)) return event.sender === alice ? 100 : 0
        return event.sender === '@bob:a' || event.sender === '@carol:a' ? 50 : 0
      }
      fc.assert(
        fc.property(fc.array(wish, { maxLength: 25 }), (wishes) => {
          const { events, find } = drawn(version, wishes)
          const order = reverseTopologicalPowerOrder(new Set(events.map((event) => event.eventId)), find, rules)
          assert.deepEqual(order, smallestOrder(events, levelOf))
        }),
      )
    })
  }

  test('events that are not known, and those in a circle, are left out', () => {
    const rules = rulesOf('11')
    const one = anEvent({ eventId: '$one', authEvents: ['$two'] })
    const two = anEvent({ eventId: '$two', authEvents: ['$one'] })
    const three = anEvent({ eventId: '$three', authEvents: ['$unknown'] })
    const ids = ['$one', '$two', '$three', '$unknown'] as EventId[]
    assert.deepEqual(reverseTopologicalPowerOrder(new Set(ids), finder([one, two, three]), rules), [three])
  })
})

describe('the mainline ordering', () => {
  const roomId = '!room:a'
  const powerLevels = (name: string, above: readonly string[]): Event =>
    anEvent({ type: 'm.room.power_levels', eventId: `$${name}`, roomId, stateKey: '', authEvents: above })
  const noise = anEvent({ type: 'm.room.power_levels', eventId: '$noise', stateKey: 'x', authEvents: ['$p3'] })
  const rule = anEvent({ type: 'm.room.join_rules', eventId: '$rule', stateKey: '', authEvents: ['$p3'] })
  const line = [powerLevels('p1', []), powerLevels('p2', ['$noise', '$rule', '$p1']), powerLevels('p3', ['$p2'])]
  // A branch of two that leaves the line at p1, and one that never meets it.
  const branch = [powerLevels('b1', ['$p1']), powerLevels('b2', ['$rule', '$b1'])]
  const stray = [powerLevels('s1', ['$s2']), powerLevels('s2', ['$s1'])]
  const known = [...line, ...branch, ...stray, noise, rule]

  test('puts what is further from the present first, then what is earlier, then the smaller id', () => {
    const above = ['$p1', '$p2', '$p3', '$b1', '$b2', '$s1', '$s2', '$unknown', '$noise', '$rule']
    const position: Record<string, number> = { $p3: 0, $p2: 1, $p1: 2, $b1: 2, $b2: 2 }
    const one = fc.record({ above: fc.constantFrom(...above), time: fc.integer({ min: 1, max: 3 }) })
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 30 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        (wishes, names) => {
          const events = wishes.map(({ above: cited, time }, index) => {
            const eventId = `$${String(names.next().value)}-${index}`
            const authEvents = ['$unknown', '$noise', '$rule', cited]
            return anEvent({ type: 'm.room.topic', eventId, roomId, stateKey: '', originServerTs: time, authEvents })
          })
          const positionOf = (event: Event): number => position[event.authEvents[3] ?? ''] ?? Number.MAX_SAFE_INTEGER
          const expected = [...events].sort(
            (x, y) =>
              positionOf(y) - positionOf(x) || x.originServerTs - y.originServerTs || (x.eventId < y.eventId ? -1 : 1),
          )
          const sorted = mainlineOrder(events, line[2], finder(known))
          assert.deepEqual(
            sorted.map(({ eventId }) => eventId),
            expected.map(({ eventId }) => eventId),
          )
        },
      ),
    )
  })

  test('walks a long branch once, however many events hang on it', () => {
    const length = 2_000
    const long = Array.from({ length }, (_, index) =>
      powerLevels(`l${index}`, index === 0 ? ['$p1'] : [`$l${index - 1}`]),
    )
    const find = finder([...known, ...long])
    let looks = 0
    const counted = (eventId: EventId): Event | undefined => {
      looks += 1
      return find(eventId)
    }
    const events = Array.from({ length }, () =>
      anEvent({ type: 'm.room.topic', roomId, authEvents: [`$l${length - 1}`] }),
    )
    mainlineOrder(events, line[2], counted)
    assert.ok(looks < 4 * length, String(looks))
  })
})

describe('the iterative auth checks', () => {
  const rules: RoomVersionRules = rulesOf('11')
  const { roomId, create } = founding('11')
  const join = aMember('join', alice, { roomId, eventId: '$join' })
  const topic = anEvent({
    type: 'm.room.topic',
    roomId,
    stateKey: '',
    sender: alice,
    authEvents: [create, join, '$unknown'],
  })
  const run = (isRejected: (eventId: EventId) => boolean, event = topic): ReadonlyMap<string, Event> => {
    const state = new Map<string, Event>()
    const conflicts = {
      rules,
      conflicted: [],
      authDifference: new Set<EventId>(),
      unconflicted: () => undefined,
      event: finder([create, join, topic]),
      isRejected,
    }
    authIteratively([event], state, () => undefined, conflicts)
    return state
  }

  test('take from an event’s own auth events what the state lacks, unless they were rejected', () => {
    assert.equal(run(() => false).get(stateKeyText('m.room.topic', '')), topic)
    assert.equal(run((eventId) => eventId === '$join').size, 0)
    assert.equal(run((eventId) => eventId === '$create').size, 0)
  })

  test('pass over what is no state event', () => {
    assert.equal(run(() => false, { ...topic, type: 'm.room.message', stateKey: undefined }).size, 0)
  })
})

test('the auth difference is what some chains have and others lack, states included', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), cites: fc.array(fc.nat(), { maxLength: 2 }) })
  const picks = fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 20 }), picks, (steps, chosen) => {
      const events: Event[] = []
      for (const [index, { key, cites }] of steps.entries()) {
        const cited = cites.flatMap((cite) => (index === 0 ? [] : [events[cite % index] as Event]))
        events.push(anEvent({ type: 'x', stateKey: key, eventId: `$${index}`, authEvents: [...cited, '$unknown'] }))
      }
      const find = finder(events)
      const states = chosen.map(
        (indices) =>
          new Map(
            indices.map((index) => {
              const event = events[index % events.length] as Event
              return [stateKeyText('x', event.stateKey ?? ''), event.eventId] as const
            }),
          ),
      )
      const chains = states.map((state) => {
        const chain = new Set(state.values())
        for (const eventId of chain) for (const authId of find(eventId)?.authEvents ?? []) chain.add(authId)
        return chain
      })
      const expected = new Set(
        chains.flatMap((chain) => [...chain]).filter((eventId) => !chains.every((other) => other.has(eventId))),
      )
      const split = splitStates(states, rulesOf('11'))
      const found = authDifferenceOf(states, split, find)
      // The two are used together.
      for (const eventId of split.conflicted) {
        expected.add(eventId)
        found.add(eventId)
      }
      assert.deepEqual([...found].sort(), [...expected].sort())
    }),
  )
})
