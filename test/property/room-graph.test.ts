import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'

import type { Event } from '#protocol/event.ts'
import type { JsonObject } from '#protocol/json.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveState } from '#protocol/state-resolution.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { RoomState } from '#rooms/room-state.ts'
import { forwardExtremities, missingPrevious } from '#storage/event-edges.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'

import { engines, testDatabase, type Engine } from '../databases.ts'
import { assertStatesExact, rowsOfRoom } from '../graph-invariants.ts'
import { postgresMissing } from '../postgres.ts'
import { aPublicRoom, powerOf, type GraphWish, type RoomGraph } from '../room-graph.ts'
import { openRoomsFloor } from '../rooms-floor.ts'

const runs: Readonly<Record<Engine, number>> = { sqlite: 40, postgres: 6 }
const people = ['alice', 'bob', 'charlie', 'dora']

interface Step {
  readonly kind: number
  readonly who: number
  readonly whom: number
  readonly after: readonly number[]
}

const step = fc.record({
  kind: fc.nat({ max: 6 }),
  who: fc.nat({ max: 3 }),
  whom: fc.nat({ max: 3 }),
  // How far back the events lie that it follows.
  after: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 3 }),
})

const story = fc.record({
  version: fc.constantFrom('6', '11', '12'),
  steps: fc.array(step, { minLength: 5, maxLength: 25 }),
  order: fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 }),
})

function wishOf(graph: RoomGraph, { kind, who, whom }: Step, index: number): GraphWish {
  const sender = `@${people[who]}:a`
  const other = `@${people[whom]}:a`
  const member = (userId: string, membership: string): GraphWish => ({
    type: 'm.room.member',
    sender,
    stateKey: userId,
    content: { membership, n: index },
  })
  if (kind === 0) return { type: 'm.room.name', sender, stateKey: '', content: { name: `${index}` } }
  if (kind === 1) return member(sender, 'join')
  if (kind === 2) return member(sender, 'leave')
  if (kind === 3) return member(other, 'ban')
  if (kind === 4) {
    const users = powerOf(graph, { [other]: 50 })
    return {
      type: 'm.room.power_levels',
      sender,
      stateKey: '',
      content: { users, state_default: index % 2 === 0 ? 0 : 50 },
    }
  }
  if (kind === 5)
    return {
      type: 'm.room.join_rules',
      sender,
      stateKey: '',
      content: { join_rule: index % 3 === 0 ? 'invite' : 'public' },
    }
  return { sender, content: { body: `${index}` } }
}

/** The text of an event, as another server would send it. */
function textOf(event: Event): string {
  const isCreate = event.type === 'm.room.create'
  const pdu: JsonObject = {
    auth_events: [...event.authEvents],
    content: event.content,
    depth: event.depth,
    origin_server_ts: event.originServerTs,
    prev_events: [...event.prevEvents],
    ...(isCreate && !event.roomId.includes('room') ? {} : { room_id: event.roomId }),
    sender: event.sender,
    type: event.type,
    ...(event.stateKey === undefined ? {} : { state_key: event.stateKey }),
  }
  return JSON.stringify(pdu)
}

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>

async function aRoomOf(database: Database, graph: RoomGraph): Promise<Room> {
  const [create] = graph.events.values()
  assert.ok(create)
  const room = { roomNid: 1, roomId: create.roomId, version: graph.rules }
  const row = { roomNid: 1, roomId: create.roomId, version: graph.rules.version, createdTs: 1, published: false }
  await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
  return room
}

/** What is stored, read from a floor that has nothing in memory. */
async function stateTexts(floor: Floor, state: ReadonlyMap<number, number>): Promise<Map<string, string>> {
  const rows = await floor.roomState.events([...state.values()])
  const keys = await floor.interned.keys([...state.keys()])
  const byNid = new Map(rows.map((row) => [row.eventNid, row.eventId]))
  const texts = [...state].map(([keyNid, eventNid]): [string, string] => {
    const key = keys.get(keyNid)
    return [stateKeyText(key?.type ?? '', key?.stateKey ?? ''), byNid.get(eventNid) ?? '']
  })
  return new Map(texts.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function sorted(state: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What lies between states of neighbours, of forks, and of events far apart, against the whole of both. */
async function checkDifferences(floor: Floor, rows: readonly EventRow[]): Promise<void> {
  for (const [index, row] of rows.entries()) {
    for (const other of [rows[index + 1], rows[index + 5], rows[0]]) {
      const [from, to] = [row.stateAfter ?? 0, other?.stateAfter ?? row.stateBefore ?? 0]
      const [before, after] = [await floor.roomState.at(from), await floor.roomState.at(to)]
      const keyNids = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)
      const expected = keyNids
        .map((keyNid) => ({ keyNid, from: before.get(keyNid) ?? null, to: after.get(keyNid) ?? null }))
        .filter((each) => each.from !== each.to)
      const found = await floor.roomState.difference(from, to)
      assert.deepEqual(
        found.sort((a, b) => a.keyNid - b.keyNid),
        expected,
      )
      const asked = (await new RoomState(floor).keysAt([from], keyNids)).get(from)
      assert.deepEqual(new Map(asked), new Map(before))
    }
  }
}

async function check(database: Database, graph: RoomGraph, room: Room): Promise<void> {
  const floor = await openRoomsFloor(database)
  const rows = await database.runInteraction('rows', (txn) => eventsByIds(txn, 1, [...graph.events.keys()]))
  const byId = new Map<string, EventRow>(rows.map((row) => [row.eventId, row]))
  for (const event of graph.events.values()) {
    const name = event.eventId.slice(1, -2)
    const row = byId.get(event.eventId)
    assert.ok(row?.outlier === 0, `${name} is not in the graph`)
    const before = graph.stateBefore(...event.prevEvents.map((id) => id.slice(1, -2)))
    assert.equal(row.rejected === null, graph.allows(event, before), `${name}: ${row.rejected ?? 'not rejected'}`)
    const stored = await stateTexts(floor, await floor.roomState.at(row.stateBefore ?? 0))
    assert.deepEqual(stored, sorted(before), `the state before ${name}`)
    const after = await stateTexts(floor, await floor.roomState.at(row.stateAfter ?? 0))
    assert.deepEqual(after, sorted(graph.stateAfter(name)), `the state after ${name}`)
    for (const prev of event.prevEvents) assert.ok((byId.get(prev)?.topological ?? 0) < row.topological)
  }
  await checkDifferences(floor, rows)
  const ends = await database.runInteraction('ends', (txn) => forwardExtremities(txn, 1))
  const resolved = resolveState(
    ends.map((end) => graph.stateAfter(end.eventId.slice(1, -2))),
    graph,
    graph.rules,
  )
  const now = await stateTexts(floor, await floor.roomState.current(room))
  assert.deepEqual(now, sorted(resolved), 'the state now')
  for (const end of ends) {
    const followers = [...graph.events.values()].filter((event) => event.prevEvents.includes(end.eventId as never))
    assert.ok(
      followers.every(
        (event) => byId.get(event.eventId)?.rejected !== null || byId.get(event.eventId)?.softFailed === 1,
      ),
    )
  }
  assert.deepEqual(await database.runInteraction('missing', (txn) => missingPrevious(txn, 1, 10)), [])
}

/** The states of the events that a purge has left are what they were. */
async function checkKept(database: Database, graph: RoomGraph): Promise<void> {
  const floor = await openRoomsFloor(database)
  const rows = await database.runInteraction('rows', (txn) => eventsByIds(txn, 1, [...graph.events.keys()]))
  for (const row of rows.filter((each) => each.outlier === 0)) {
    const after = await stateTexts(floor, await floor.roomState.at(row.stateAfter ?? 0))
    assert.deepEqual(after, sorted(graph.stateAfter(row.eventId.slice(1, -2))), `the state after ${row.eventId}`)
  }
}

async function play(
  t: TestContext,
  engine: Engine,
  told: typeof story extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  const graph = aPublicRoom(told.version)
  const names = ['start']
  for (const [index, each] of told.steps.entries()) {
    const after = [...new Set(each.after.map((back) => names.at(-1 - back) ?? 'start'))]
    graph.add(`e${index}`, { ...wishOf(graph, each, index), after })
    names.push(`e${index}`)
  }
  const database = await testDatabase(t, { engine })
  const floor = await openRoomsFloor(database)
  const room = await aRoomOf(database, graph)
  const events = [...graph.events.values()]
  // The first is known to whoever takes part in a room; all else comes in any order, some of it twice.
  const order = events.slice(1).map((event, index) => ({ event, place: told.order[index] ?? 0 }))
  order.sort((a, b) => a.place - b.place)
  for (const event of [events[0], ...order.map((each) => each.event), ...events.slice(3, 6)]) {
    if (event !== undefined) await floor.receiveEvent.receive(room, { event, text: textOf(event) })
  }
  await check(database, graph, room)
  await assertStatesExact(database)
  for await (const { faults } of RoomState.faults(database)) assert.deepEqual(faults, [])
  // History that goes takes nothing from what stays.
  const depth = 8 + ((told.order[0] ?? 0) % 20)
  await floor.purge.history(room, depth)
  await assertStatesExact(database)
  await checkKept(database, graph)
  await floor.purge.room(room)
  assert.deepEqual(await rowsOfRoom(database, 1), {})
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`a graph that comes in any order has the states of a naive model (${engine})`, { skip }, async (t) => {
    await fc.assert(
      fc.asyncProperty(story, (told) => play(t, engine, told)),
      { numRuns: runs[engine] },
    )
  })
}
