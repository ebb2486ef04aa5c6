import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseRoomEventFilter } from '#protocol/filters.ts'
import { insertEvents, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import { eachEngine } from '../../test/databases.ts'
import { aRow } from '../../test/event-rows.ts'
import { someone } from '../../test/rooms-floor.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import type { Room } from './known-rooms.ts'
import type { Access } from './room-access.ts'
import { parseTimelineToken, printTimelineToken, tokenAtMoment, type Direction } from './timeline-token.ts'
import { Timeline, type PageRequest } from './timeline.ts'
import type { Visibility } from './visibility.ts'

const { userId } = someone('alice')
const filter: Visibility['filter'] = (_user, _room, rows) => Promise.resolve([...rows])
const everything = { filter } as unknown as Visibility
const nobody = { without: (_user: unknown, rows: unknown) => Promise.resolve(rows) } as unknown as IgnoredSenders
const interned = undefined as never
const rest = { interned, visibility: everything, ignoredSenders: nobody }

/** A room whose events arrived in the order of `depths`, the n-th at position n; everyone sees all of them. */
async function openTimeline(
  database: Database,
  depths: readonly number[],
): Promise<{ timeline: Timeline; access: Access; rows: EventRow[] }> {
  const roomNid = nextRoom++
  const rows = depths.map((topological, index) => aRow({ roomNid, topological, streamPosition: index + 1 }))
  await database.runInteraction('insert', (txn) => insertEvents(txn, rows))
  const streams = { events: { position: depths.length } } as unknown as Streams
  const room = { roomNid, roomId: '!r:test.example' } as unknown as Room
  const access: Access = { room, standing: 'joined', stateNid: undefined, arrivedBy: depths.length }
  return { timeline: new Timeline({ database, streams, ...rest }), access, rows }
}

let nextRoom = 1

/** Every event of every page from `request` on, each token written and read again in between. */
async function readOn(
  { timeline, access }: { timeline: Timeline; access: Access },
  request: PageRequest,
): Promise<EventRow[]> {
  const rows: EventRow[] = []
  for (let from = request.from; ;) {
    const page = await timeline.page(userId, access, { ...request, from })
    rows.push(...page.rows)
    if (page.end === undefined) return rows
    from = parseTimelineToken(printTimelineToken(page.end))
  }
}

const positionsOf = (rows: readonly EventRow[]): number[] => rows.map((row) => row.streamPosition ?? 0)
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

eachEngine('a sync and the history before and after it join without hole or repeat', async (_t, database) => {
  const depths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 25 })
  const property = fc.asyncProperty(
    depths,
    fc.nat({ max: 25 }),
    fc.integer({ min: 1, max: 7 }),
    async (order, at, limit) => {
      const open = await openTimeline(database, order)
      const moment = Math.min(at, order.length)
      const from = tokenAtMoment(moment)
      const before = await readOn(open, { direction: 'backwards', limit, from })
      const after = await readOn(open, { direction: 'forwards', limit, from })
      const all = positionsOf(open.rows)
      assert.deepEqual(sorted(positionsOf(before)), all.slice(0, moment))
      assert.deepEqual(sorted(positionsOf(after)), all.slice(moment))
      const depthsOf = (rows: readonly EventRow[]): number[] => rows.map((row) => row.topological)
      assert.deepEqual(depthsOf(before), sorted(depthsOf(before)).reverse(), 'history is in the order of the graph')
      assert.deepEqual(depthsOf(after), sorted(depthsOf(after)))
    },
  )
  await fc.assert(property, { numRuns: 40 })
})

eachEngine('from any page one can turn round and read what one came from', async (_t, database) => {
  const open = await openTimeline(database, [1, 2, 3, 2, 5, 4, 7, 1])
  for (const direction of ['backwards', 'forwards'] as const) {
    const page = await open.timeline.page(userId, open.access, { direction, limit: 5 })
    assert.ok(page.end)
    const turned: Direction = direction === 'backwards' ? 'forwards' : 'backwards'
    const back = await readOn(open, { direction: turned, limit: 2, from: page.end })
    assert.deepEqual(positionsOf(back), positionsOf(page.rows).reverse())
  }
})

eachEngine('reading stops at the token it is to stop at', async (_t, database) => {
  const open = await openTimeline(database, [1, 2, 3, 4, 5, 6])
  const first = await open.timeline.page(userId, open.access, { direction: 'backwards', limit: 2 })
  const second = await open.timeline.page(userId, open.access, { direction: 'backwards', limit: 4 })
  const between = await readOn(open, { direction: 'backwards', limit: 9, from: first.end, to: second.end })
  assert.deepEqual(positionsOf(between), [4, 3])
  const until = await readOn(open, { direction: 'backwards', limit: 9, to: tokenAtMoment(4) })
  assert.deepEqual(positionsOf(until), [6, 5])
  const forwards = await readOn(open, { direction: 'forwards', limit: 9, to: tokenAtMoment(2) })
  assert.deepEqual(positionsOf(forwards), [1, 2])
})

eachEngine('a page passes over what is not wanted, and says where it goes on', async (_t, database) => {
  const open = await openTimeline(
    database,
    Array.from({ length: 200 }, (_, index) => index + 1),
  )
  const filter = parseRoomEventFilter({ types: ['m.room.name'] })
  const none = await open.timeline.page(userId, open.access, { direction: 'backwards', limit: 3, filter })
  assert.deepEqual([none.rows, none.end], [[], undefined])
  const types = ['m.room.mess*']
  const some = await open.timeline.page(userId, open.access, {
    direction: 'backwards',
    limit: 3,
    filter: { ...filter, types },
  })
  assert.deepEqual(positionsOf(some.rows), [200, 199, 198])
})

eachEngine('what syncs are given is the same from memory and from the database', async (_t, database) => {
  const { timeline, access, rows } = await openTimeline(database, [1, 2, 3, 4, 5, 6, 7, 8])
  const { room } = access
  const ranges = [
    { after: 0, upTo: 8, limit: 3 },
    { after: 5, upTo: 8, limit: 3 },
    { after: 4, upTo: 6, limit: 5 },
    { after: 8, upTo: 8, limit: 5 },
  ]
  const cold = []
  for (const range of ranges) cold.push(await timeline.recent(room, range))
  assert.deepEqual(
    cold.map((recent) => [positionsOf(recent.rows), recent.limited, printTimelineToken(recent.prevBatch)]),
    [
      [[6, 7, 8], true, 'e5'],
      [[6, 7, 8], false, 'e5'],
      [[5, 6], false, 'e4'],
      [[], false, 'e8'],
    ],
  )
  const streams = { events: { position: 8 } } as unknown as Streams
  const warm = new Timeline({ database: undefined as never, streams, ...rest })
  for (const each of [warm, timeline]) {
    each.remember({ room, rows, redacted: [] })
    for (const [index, range] of ranges.entries()) assert.deepEqual(await each.recent(room, range), cold[index])
  }
})
