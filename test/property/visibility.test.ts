import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'

import { MatrixError } from '#protocol/errors.ts'
import { parseEventId, type UserId } from '#protocol/identifiers.ts'
import { IgnoredSenders } from '#rooms/ignored-senders.ts'
import { Relations } from '#rooms/relations.ts'
import { StateView } from '#rooms/state-view.ts'
import { Threads } from '#rooms/threads.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'

import { engines, testDatabase, type Engine } from '../databases.ts'
import { NaiveVisibility } from '../naive-visibility.ts'
import { postgresMissing } from '../postgres.ts'
import { aReceivedRoom, nameOf } from '../received-room.ts'
import { RoomGraph, type GraphWish } from '../room-graph.ts'
import { someone } from '../rooms-floor.ts'
import { openSyncFloor } from '../sync-floor.ts'

const runs: Readonly<Record<Engine, number>> = { sqlite: 40, postgres: 4 }
const alice = '@alice:a'
/** Our users, who come and go; the last one never does. */
const readers = [someone('ann'), someone('ben'), someone('never')]
const visibilities = ['joined', 'invited', 'shared', 'world_readable', 'unheard_of']

const story = fc.record({
  version: fc.constantFrom('6', '11', '12'),
  steps: fc.array(
    fc.record({
      kind: fc.nat({ max: 11 }),
      who: fc.nat({ max: 1 }),
      pick: fc.nat({ max: 20 }),
      after: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 8, maxLength: 26 },
  ),
  order: fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 }),
  forgotten: fc.tuple(fc.boolean(), fc.boolean()),
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

function wishOf(step: Story['steps'][number], index: number, names: readonly string[]): GraphWish {
  const reader = readers[step.who]?.userId ?? alice
  const member = (sender: string, membership: string): GraphWish => ({
    ...{ type: 'm.room.member', sender, stateKey: reader, content: { membership, n: index } },
  })
  if (step.kind <= 2) return member(reader, 'join')
  if (step.kind === 3) return member(reader, 'leave')
  if (step.kind === 4) return member(alice, 'invite')
  if (step.kind === 5) return member(alice, step.pick % 2 === 0 ? 'ban' : 'leave')
  if (step.kind === 6) return member(reader, 'knock')
  if (step.kind <= 8) {
    const visibility = visibilities[step.pick % visibilities.length] ?? 'shared'
    const content = { history_visibility: visibility }
    return { type: 'm.room.history_visibility', sender: alice, stateKey: '', content }
  }
  const root = names[step.pick % names.length] ?? 'start'
  const relation = { rel_type: step.pick % 2 === 0 ? 'm.thread' : 'm.reference', event_id: `$${root}:a` }
  return { sender: alice, content: { body: `${index}`, ...(step.kind === 9 ? {} : { 'm.relates_to': relation }) } }
}

function aRoom(told: Story): RoomGraph {
  const graph = new RoomGraph(told.version)
  graph.add('create', { type: 'm.room.create', sender: alice, stateKey: '', content: { creator: alice } })
  graph.add('alice', { type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } })
  const knock = graph.rules.knock && told.steps.length % 2 === 0
  const content = { join_rule: knock ? 'knock' : 'public' }
  graph.add('rule', { type: 'm.room.join_rules', sender: alice, stateKey: '', content })
  graph.add('start', { sender: alice })
  const names = ['start']
  for (const [index, step] of told.steps.entries()) {
    const after = [...new Set(step.after.map((back) => names.at(-1 - back) ?? 'start'))]
    graph.add(`e${index}`, { ...wishOf(step, index, names), after })
    names.push(`e${index}`)
  }
  return graph
}

/** What `work` gives; undefined when it is refused, or there is nothing that may be told. */
async function unlessRefused<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof MatrixError && (error.code === 'M_FORBIDDEN' || error.code === 'M_NOT_FOUND')) return undefined
    throw error
  }
}

function idsOf(rows: readonly { readonly eventId: string }[] | undefined): string[] {
  return (rows ?? []).map((row) => nameOf(row.eventId)).sort()
}

type Received = Awaited<ReturnType<typeof aReceivedRoom>>

interface Expected {
  readonly naive: NaiveVisibility
  readonly rows: readonly EventRow[]
  /** Whether they may look into the room at all. */
  readonly mayLook: boolean
  /** The names of what they may see. */
  readonly seen: readonly string[]
}

async function play(t: TestContext, engine: Engine, told: Story): Promise<void> {
  const graph = aRoom(told)
  const database = await testDatabase(t, { engine })
  const room = await aReceivedRoom(database, graph)
  const [create, ...rest] = [...graph.events.values()]
  assert.ok(create)
  await room.receive(create)
  const order = rest.map((event, index) => ({ event, place: told.order[index % told.order.length] ?? 0 }))
  for (const { event } of order.sort((a, b) => a.place - b.place)) await room.receive(event)
  const rows = await database.runInteraction('rows', (txn) => eventsByIds(txn, 1, [...graph.events.keys()]))
  rows.sort((a, b) => (a.streamPosition ?? 0) - (b.streamPosition ?? 0))
  const naive = new NaiveVisibility(
    graph,
    rows.map(({ eventId, streamPosition, rejected, softFailed }) => ({
      ...{ eventId, position: streamPosition ?? 0, counts: rejected === null && softFailed === 0 },
    })),
  )
  for (const [index, requester] of readers.entries()) {
    const { userId } = requester
    const membership = naive.membershipNow(userId)
    const isGone = membership === 'leave' || membership === 'ban'
    const forgets = isGone && told.forgotten[index] === true
    if (forgets) await room.memberships.forget(userId, 1)
    const was = isGone && naive.endOfStay(userId) !== undefined && !forgets
    const mayLook = membership === 'join' || naive.isWorldReadable || was
    const seen = rows.filter((row) => naive.maySee(userId, row.eventId)).map((row) => nameOf(row.eventId))
    const expected = { naive, rows, mayLook, seen: seen.sort() }
    await checkEvents(room, userId, expected)
    await checkPages(room, userId, expected)
    await checkRelated(room, userId, expected)
    await checkState(room, userId, expected)
    await checkSync(database, requester, expected, room)
  }
}

/** One by one, and all together. */
async function checkEvents(room: Received, userId: UserId, { rows, mayLook, seen }: Expected): Promise<void> {
  assert.deepEqual(idsOf(await room.visibility.filter(userId, room.room, rows)), seen, `${userId} in all`)
  for (const { eventId } of rows) {
    const id = parseEventId(eventId)
    const single = await unlessRefused(room.eventContext.event(userId, room.room.roomId, id))
    assert.equal(single !== undefined, mayLook && seen.includes(nameOf(eventId)), `${userId} sees ${eventId} alone`)
    const ids = { roomId: room.room.roomId, eventId: id }
    const around = await unlessRefused(room.eventContext.around(userId, ids, 100))
    assert.equal(around !== undefined, single !== undefined)
    if (around === undefined) continue
    for (const name of idsOf([...around.before, ...around.after])) assert.ok(seen.includes(name), `${name} is around`)
  }
}

async function checkPages(room: Received, userId: UserId, { naive, rows, mayLook, seen }: Expected): Promise<void> {
  const access = await unlessRefused(room.roomAccess.read(userId, room.room.roomId))
  assert.equal(access !== undefined, mayLook, `${userId} may look into the room`)
  if (access === undefined) return
  const end = access.standing === 'left' ? (naive.endOfStay(userId) ?? 0) : Infinity
  const within = new Set(rows.filter((row) => (row.streamPosition ?? 0) <= end).map((row) => nameOf(row.eventId)))
  const expected = seen.filter((name) => within.has(name))
  for (const direction of ['backwards', 'forwards'] as const) {
    const page = await room.timeline.page(userId, access, { direction, limit: 1_000 })
    assert.deepEqual(idsOf(page.rows), expected, `${userId} reads ${direction}`)
  }
  assert.deepEqual((await room.arrivals(userId)).sort(), seen, `what a sync of ${userId} reads`)
}

async function checkRelated(room: Received, userId: UserId, { rows, mayLook, seen }: Expected): Promise<void> {
  const ignoredSenders = new IgnoredSenders({ ...room, ignoredUsers: { of: () => Promise.resolve(new Set()) } })
  const relations = new Relations({ ...room, ignoredSenders })
  const threads = new Threads({ ...room, ignoredSenders })
  const related = new Map<string, string[]>()
  const roots = new Set<string>()
  for (const row of rows) {
    const relation = JSON.parse(row.json).content['m.relates_to']
    if (relation === undefined || row.rejected !== null || row.softFailed === 1) continue
    related.set(relation.event_id, [...(related.get(relation.event_id) ?? []), nameOf(row.eventId)])
    if (relation.rel_type === 'm.thread') roots.add(nameOf(relation.event_id))
  }
  for (const [eventId, names] of related) {
    const ids = { roomId: room.room.roomId, eventId: parseEventId(eventId) }
    const request = { direction: 'backwards', limit: 100, recurse: false } as const
    const page = await unlessRefused(relations.page(userId, ids, request))
    const expected = mayLook && seen.includes(nameOf(eventId)) ? names.filter((name) => seen.includes(name)) : undefined
    assert.deepEqual(page === undefined ? undefined : idsOf(page.rows), expected?.sort(), `relations for ${userId}`)
  }
  const page = await unlessRefused(threads.page(userId, room.room.roomId, { participated: false, limit: 100 }))
  assert.equal(page !== undefined, mayLook)
  for (const name of idsOf(page?.rows)) assert.ok(seen.includes(name) && roots.has(name), `the thread of ${name}`)
}

/** The state now for who is in the room, and for everybody where the world may read; for who has left, as they left it. */
async function checkState(room: Received, userId: UserId, { naive, mayLook }: Expected): Promise<void> {
  const stateView = new StateView(room)
  const state = await unlessRefused(stateView.all(userId, room.room.roomId))
  assert.equal(state !== undefined, mayLook, `${userId} reads the state`)
  if (state === undefined) return
  const end = naive.membershipNow(userId) === 'join' || naive.isWorldReadable ? undefined : naive.endOfStay(userId)
  assert.deepEqual(idsOf(state), naive.stateNames(end), `the state that ${userId} reads`)
  const one = await unlessRefused(stateView.one(userId, room.room.roomId, 'm.room.create', ''))
  assert.equal(one?.eventId, '$create:a')
}

async function checkSync(database: Database, requester: Requester, expected: Expected, room: Received): Promise<void> {
  const { naive, rows, seen } = expected
  const floor = await openSyncFloor(database)
  const filter = { room: { include_leave: true, timeline: { limit: 1_000 } } }
  const { rooms } = await floor.answer(requester, { filter })
  const { roomId } = room.room
  const here = rooms?.join?.[roomId] ?? rooms?.leave?.[roomId]
  const told = (here?.timeline.events ?? []).map((event: { event_id: string }) => nameOf(event.event_id)).sort()
  if (naive.membershipNow(requester.userId) === 'join') {
    assert.deepEqual(told, seen, `a sync of ${requester.userId}`)
    return
  }
  const own = (await room.memberships.in(requester.userId, 1))?.eventNid
  const ownName = rows.filter((row) => row.eventNid === own).map((row) => nameOf(row.eventId))
  for (const name of told) assert.ok(seen.includes(name) || ownName.includes(name), `${name} in a sync after leaving`)
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`whoever asks by whatever door sees what a naive model lets them see (${engine})`, { skip }, async (t) => {
    await fc.assert(
      fc.asyncProperty(story, (told) => play(t, engine, told)),
      { numRuns: runs[engine], endOnFailure: true },
    )
  })
}
