import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'

import type { Event } from '#protocol/event.ts'
import { powerLevelsIn } from '#protocol/power-levels.ts'
import { redactedEventIdOf } from '#protocol/redaction.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { RoomState } from '#rooms/room-state.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'

import { engines, testDatabase, type Engine } from '../databases.ts'
import { assertStatesExact, rowsOfRoom } from '../graph-invariants.ts'
import { postgresMissing } from '../postgres.ts'
import { aReceivedRoom, nameOf } from '../received-room.ts'
import { aPublicRoom, powerOf, type GraphWish, type RoomGraph } from '../room-graph.ts'
import { someone } from '../rooms-floor.ts'

const runs: Readonly<Record<Engine, number>> = { sqlite: 30, postgres: 4 }
const us = someone('us').userId
/** On three servers; alice has power. */
const people = ['@alice:a', '@bob:a', '@eve:b', us]

interface Step {
  readonly kind: number
  readonly who: number
  readonly whom: number
  readonly target: number
  readonly after: readonly number[]
}

const story = fc.record({
  version: fc.constantFrom('1', '3', '10', '11', '12'),
  steps: fc.array(
    fc.record({
      kind: fc.nat({ max: 9 }),
      who: fc.nat({ max: 3 }),
      whom: fc.nat({ max: 3 }),
      /** Which event a redaction names, of all that there will be. */
      target: fc.nat({ max: 40 }),
      after: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 8, maxLength: 24 },
  ),
  order: fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 }),
  otherOrder: fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 }),
  /** Which are kept aside first, of events that come out of order. */
  aside: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

function wishOf(graph: RoomGraph, { kind, who, whom, target }: Step, index: number): GraphWish {
  const sender = people[who] ?? us
  const other = people[whom] ?? us
  if (kind === 0) return { type: 'm.room.name', sender, stateKey: '', content: { name: `${index}` } }
  if (kind === 1)
    return {
      ...{ type: 'm.room.power_levels', sender, stateKey: '' },
      content: { users: powerOf(graph, { [other]: 60 }), redact: index % 3 === 0 ? 0 : 50 },
    }
  if (kind === 2)
    return {
      ...{ type: 'm.room.member', sender, stateKey: other },
      content: { membership: sender === other ? 'leave' : 'ban', n: index },
    }
  if (kind === 3) return { type: 'm.room.member', sender, stateKey: sender, content: { membership: 'join', n: index } }
  if (kind <= 5) return { sender, content: { body: `${index}` } }
  const names = ['create', 'start', 'nowhere', ...Array.from({ length: 24 }, (_, each) => `e${each}`)]
  return { type: 'm.room.redaction', sender, redacts: `$${names[target % names.length]}:a` }
}

function isRedaction(event: Event): boolean {
  return event.type === 'm.room.redaction'
}

/** The naive model: which event redacts which, told of every event whether it counts. */
function redactedIn(graph: RoomGraph, counts: (event: Event) => boolean, known: (event: Event) => boolean) {
  const redactedBy = new Map<string, string>()
  const applying = new Set<string>()
  const redactions = [...graph.events.values()].filter((event) => isRedaction(event) && counts(event))
  redactions.sort((a, b) => a.depth - b.depth || (a.eventId < b.eventId ? -1 : 1))
  for (const redaction of redactions) {
    const target = graph.events.get(redactedEventIdOf(redaction.pdu, graph.rules) as never)
    if (target === undefined || target.type === 'm.room.create' || target === redaction || !known(target)) continue
    const before = graph.stateBefore(...redaction.prevEvents.map(nameOf))
    const state = (type: string, stateKey: string): Event | undefined =>
      graph.events.get(before.get(stateKeyText(type, stateKey)) ?? ('' as never))
    const levels = powerLevelsIn(state, graph.rules)
    const server = (userId: string): string => userId.slice(userId.indexOf(':'))
    const may =
      graph.rules.redactionRule ||
      levels.user(redaction.sender) >= levels.named('redact') ||
      server(redaction.sender) === server(target.sender)
    if (!may) continue
    applying.add(redaction.eventId)
    if (!redactedBy.has(target.eventId)) redactedBy.set(target.eventId, redaction.eventId)
  }
  return { redactedBy, applying }
}

/** Receives all events in one order, holds what is stored to the model, and gives what is redacted and what counts. */
async function play(database: Database, graph: RoomGraph, told: Story, order: readonly number[]) {
  const room = await aReceivedRoom(database, graph)
  const [create, ...rest] = [...graph.events.values()]
  assert.ok(create)
  await room.receive(create)
  const places = rest.map((event, index) => ({ event, place: order[index % order.length] ?? 0 }))
  places.sort((a, b) => a.place - b.place)
  for (const index of told.aside) {
    const event = rest[index]
    if (event !== undefined) await room.receive(event, { outlier: true })
  }
  for (const { event } of places) await room.receive(event)
  const rows = await database.runInteraction('rows', (txn) => eventsByIds(txn, 1, [...graph.events.keys()]))
  const byId = new Map<string, EventRow>(rows.map((row) => [row.eventId, row]))
  const byNid = new Map(rows.map((row) => [row.eventNid, row]))
  for (const row of rows) assert.equal(row.outlier, 0, `${row.eventId} is not in the graph`)
  const counts = ({ eventId }: Event): boolean =>
    byId.get(eventId)?.rejected === null && byId.get(eventId)?.softFailed === 0
  const naive = redactedIn(graph, counts, ({ eventId }) => byId.get(eventId)?.rejected === null)
  const redacted = new Map<string, string>()
  for (const row of rows) {
    const by = row.redactedBy === null ? undefined : byNid.get(row.redactedBy)?.eventId
    // What was kept aside was redacted when nobody knew yet that it does not count.
    if (by !== undefined && row.rejected === null) redacted.set(row.eventId, by)
  }
  assert.deepEqual(sorted(redacted), sorted(naive.redactedBy))
  const shown = new Set(await room.arrivals(us))
  for (const event of graph.events.values()) {
    if (!isRedaction(event) || !counts(event)) continue
    const target = byId.get(redactedEventIdOf(event.pdu, graph.rules) ?? '')
    const isTold = byId.get(event.eventId)?.streamPosition !== null
    if (target?.rejected != null) continue
    assert.equal(isTold, naive.applying.has(event.eventId), `${event.eventId} is ${isTold ? '' : 'not '}told`)
    if (!isTold) assert.ok(!shown.has(nameOf(event.eventId)))
  }
  for await (const { faults } of RoomState.faults(database)) {
    if (told.aside.length === 0) assert.deepEqual(faults, [])
  }
  await assertStatesExact(database)
  return { redacted, counting: [...graph.events.values()].filter(counts).map((event) => event.eventId), room }
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

async function compare(t: TestContext, engine: Engine, told: Story): Promise<void> {
  const graph = aPublicRoom(told.version)
  for (const userId of ['@eve:b', us])
    graph.add(userId === us ? 'us' : 'eve', {
      ...{ type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } },
    })
  const names = ['us']
  for (const [index, step] of told.steps.entries()) {
    const after = [...new Set(step.after.map((back) => names.at(-1 - back) ?? 'us'))]
    graph.add(`e${index}`, { ...wishOf(graph, step, index), after })
    names.push(`e${index}`)
  }
  const one = await play(await testDatabase(t, { engine }), graph, told, told.order)
  const database = await testDatabase(t, { engine })
  const other = await play(database, graph, told, told.otherOrder)
  // What is soft-failed depends on what was there before it; everything else must not.
  if (String(one.counting) === String(other.counting)) assert.deepEqual(sorted(one.redacted), sorted(other.redacted))
  await other.room.purge.history(other.room.room, 8 + ((told.order[0] ?? 0) % 20))
  await assertStatesExact(database)
  await other.room.purge.room(other.room.room)
  assert.deepEqual(await rowsOfRoom(database, 1), {})
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`redactions that come in any order redact what a naive model says (${engine})`, { skip }, async (t) => {
    await fc.assert(
      fc.asyncProperty(story, (told) => compare(t, engine, told)),
      { numRuns: runs[engine] },
    )
  })
}
