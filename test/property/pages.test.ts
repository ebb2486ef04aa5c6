import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'

import type { Event } from '#protocol/event.ts'
import { parseTimelineToken, printTimelineToken, tokenAtMoment, type Direction } from '#rooms/timeline-token.ts'
import { eventsByIds, isShownToClients, type EventRow } from '#storage/events.ts'

import { engines, testDatabase, type Engine } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'
import { aReceivedRoom } from '../received-room.ts'
import { aPublicRoom, type RoomGraph } from '../room-graph.ts'
import { someone } from '../rooms-floor.ts'

const runs: Readonly<Record<Engine, number>> = { sqlite: 25, postgres: 3 }
const us = someone('us').userId

const story = fc.record({
  // How far back the events lie that each follows.
  events: fc.array(fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 3 }), { minLength: 6, maxLength: 30 }),
  /** By which the events are sorted as they come. */
  order: fc.array(fc.nat({ max: 30 }), { minLength: 30, maxLength: 30 }),
  /** What events say of their depth, where they lie; otherwise they may come in at a gap. */
  lies: fc.option(fc.array(fc.nat({ max: 60 }), { minLength: 30, maxLength: 30 })),
  limit: fc.integer({ min: 1, max: 6 }),
  /** How many events come before the reading begins, and between two pages. */
  first: fc.nat({ max: 20 }),
  between: fc.nat({ max: 3 }),
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never
type ReceivedRoom = Awaited<ReturnType<typeof aReceivedRoom>>

/** A graph of messages and topics with forks and merges, and the order in which its events come. */
function graphOf(told: Story): { graph: RoomGraph; coming: Event[] } {
  const graph = aPublicRoom('11')
  graph.add('us', { type: 'm.room.member', sender: us, stateKey: us, content: { membership: 'join' } })
  const names = ['us']
  const coming: { event: Event; place: number }[] = []
  for (const [index, back] of told.events.entries()) {
    const after = [...new Set(back.map((far) => names.at(-1 - far) ?? 'us'))]
    const name = `e${index}`
    const topic = { type: 'm.room.topic', stateKey: '', content: { topic: name } }
    const made = graph.add(name, { sender: '@alice:a', after, ...(index % 3 === 0 ? topic : {}) })
    const event = { ...made, depth: told.lies?.[index] ?? made.depth }
    graph.events.set(event.eventId, event)
    names.push(name)
    coming.push({ event, place: index + (told.order[index] ?? 0) })
  }
  return { graph, coming: coming.sort((a, b) => a.place - b.place).map(({ event }) => event) }
}

/** Takes an event in; where that is allowed, before its previous ones, at a gap. */
async function takeIn(room: ReceivedRoom, graph: RoomGraph, event: Event, mayLeaveGap: boolean): Promise<void> {
  const outcome = await room.receive(event)
  if (outcome !== 'waiting' || !mayLeaveGap) return
  const before = graph.stateBefore(...event.prevEvents.map((id) => id.slice(1, -2)))
  await room.receive(event, { state: [...before.values()] })
}

/** All pages from a moment, each token written and read again; `between` is done after each page. */
async function readAll(
  room: ReceivedRoom,
  direction: Direction,
  of: { readonly moment: number | undefined; readonly limit: number; readonly between: () => Promise<void> },
): Promise<EventRow[]> {
  const rows: EventRow[] = []
  const access = await room.roomAccess.read(us, room.room.roomId)
  let from = of.moment === undefined ? undefined : tokenAtMoment(of.moment)
  for (;;) {
    const page = await room.timeline.page(us, access, { direction, limit: of.limit, from })
    rows.push(...page.rows)
    if (page.end === undefined) return rows
    await of.between()
    from = parseTimelineToken(printTimelineToken(page.end))
  }
}

function ancestorsOf(graph: RoomGraph, row: EventRow): Set<string> {
  const ids = new Set<string>([row.eventId])
  for (const id of ids) for (const prev of graph.event(id as never)?.prevEvents ?? []) ids.add(prev)
  ids.delete(row.eventId)
  return ids
}

/** Fails when an event comes before one that it follows, directly or not. `rows`: oldest first. */
function assertCausal(graph: RoomGraph, rows: readonly EventRow[]): void {
  const later = new Set(rows.map((row) => row.eventId))
  for (const row of rows) {
    for (const id of ancestorsOf(graph, row)) assert.ok(!later.has(id), `${row.eventId} comes before ${id}`)
    later.delete(row.eventId)
  }
}

const sortedIds = (rows: readonly EventRow[]): string[] => rows.map((row) => row.eventId).sort()

async function play(t: TestContext, engine: Engine, told: Story): Promise<void> {
  const { graph, coming } = graphOf(told)
  const room = await aReceivedRoom(await testDatabase(t, { engine }), graph)
  await room.receiveAllBut(...coming.map((event) => event.eventId.slice(1, -2)))
  const receive = async (count: number): Promise<void> => {
    for (const event of coming.splice(0, count)) await takeIn(room, graph, event, told.lies === null)
  }
  await receive(told.first)
  const moment = room.streams.events.position
  const between = (): Promise<void> => receive(told.between)
  const backwards = await readAll(room, 'backwards', { moment, limit: told.limit, between })
  await receive(coming.length)
  const forwards = await readAll(room, 'forwards', { moment, limit: told.limit, between })
  const all = (
    await room.database.runInteraction('rows', (txn) => eventsByIds(txn, 1, [...graph.events.keys()]))
  ).filter(isShownToClients)
  const position = (row: EventRow): number => row.streamPosition ?? 0
  assert.deepEqual(sortedIds(backwards), sortedIds(all.filter((row) => position(row) <= moment)), 'what had come')
  assert.deepEqual(sortedIds(forwards), sortedIds(all.filter((row) => position(row) > moment)), 'what came later')
  assertCausal(graph, backwards.toReversed())
  assertCausal(graph, forwards)
  await checkContexts(room, graph, told.limit)
}

/** What surrounds each event is what lies next to it in the whole of the history. */
async function checkContexts(room: ReceivedRoom, graph: RoomGraph, limit: number): Promise<void> {
  const between = (): Promise<void> => Promise.resolve()
  const whole = (await readAll(room, 'backwards', { moment: undefined, limit: 50, between })).reverse()
  assertCausal(graph, whole)
  for (const [index, row] of whole.entries()) {
    if (index % 3 !== 0) continue
    const ids = { roomId: room.room.roomId, eventId: row.eventId as never }
    const context = await room.eventContext.around(us, ids, limit * 2)
    assert.deepEqual(sortedIds(context.before), sortedIds(whole.slice(Math.max(0, index - limit), index)))
    assert.deepEqual(sortedIds(context.after), sortedIds(whole.slice(index + 1, index + 1 + limit)))
  }
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`pages over forks and gaps meet, whatever comes between them (${engine})`, { skip }, async (t) => {
    await fc.assert(
      fc.asyncProperty(story, (told) => play(t, engine, told)),
      { numRuns: runs[engine] },
    )
  })
}
