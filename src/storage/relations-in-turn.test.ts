import assert from 'node:assert/strict'

import fc from 'fast-check'

import { bodyRuns, eachEngine } from '../../test/databases.ts'
import { aRow } from '../../test/event-rows.ts'
import { rowCountingDatabase } from '../../test/row-counting-database.ts'
import { insertEvents, type EventRow } from './events.ts'
import { migrate } from './migrate.ts'
import { deleteEventsWhole } from './purge.ts'
import { setRedactedBy } from './redactions.ts'
import { relatedEvents, type RelatedPage, type RelatedRange } from './related-events.ts'
import { insertRelations } from './relations.ts'
import { wrongRelationsInTurn } from './relations-in-turn.ts'
import type { Database, Transaction } from './transaction.ts'

const roomNid = 5
const end = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }
const beginning = { topological: -1, stream: 0 }

/** An event, and the relation that it declares. */
interface Relating {
  readonly row: EventRow
  readonly relatesTo: string
  readonly relType: string
}

/** Writes events as a room does it: their relations with them. */
async function write(txn: Transaction, events: readonly Relating[]): Promise<void> {
  await insertEvents(
    txn,
    events.map((event) => event.row),
  )
  const relations = events.map(({ row, relatesTo, relType }) => {
    const counts = row.softFailed === 0 && row.redactedBy === null
    return { ...row, relatesTo, relType, aggregationKey: null, counts, edit: undefined }
  })
  await insertRelations(txn, relations)
}

function relating(number: number, relatesTo: string, facts: Partial<EventRow> & { relType?: string } = {}): Relating {
  const { relType = 'm.thread', ...rest } = facts
  const eventId = `$${number}`
  const row = aRow({ eventNid: number, eventId, roomNid, streamPosition: number, deviceId: null, txnId: null, ...rest })
  return { row, relatesTo, relType }
}

function rangeOf(eventId: string, facts: Partial<RelatedRange> = {}): RelatedRange {
  const isBackwards = facts.direction !== 'forwards'
  const [from, until] = isBackwards ? [end, beginning] : [beginning, end]
  return {
    ...{ roomNid, eventId, relType: undefined, type: undefined, recurse: true, direction: 'backwards', from, until },
    ...{ arrivedAfter: -1, arrivedBy: Number.MAX_SAFE_INTEGER, limit: 3, lookedMax: 4 },
    ...facts,
  }
}

/** The ids in each page, from the first to the last. */
async function pagesOf(txn: Transaction, range: RelatedRange): Promise<string[][]> {
  const pages: string[][] = []
  for (let { from } = range; ;) {
    const { rows, end: last } = await relatedEvents(txn, { ...range, from })
    pages.push(rows.map((row) => row.eventId))
    if (last === undefined) return pages
    const { topological, streamPosition } = last
    from = { topological, stream: range.direction === 'backwards' ? streamPosition - 1 : streamPosition }
  }
}

/** The ids of what relates to an event, worked out from all there is. */
function modelOf(events: readonly Relating[], range: RelatedRange): string[] {
  const byId = new Map(events.map((event) => [event.row.eventId, event]))
  const leadsThere = (event: Relating): boolean => {
    let at: Relating | undefined = event
    for (let step = 1; at !== undefined && step <= (range.recurse ? 3 : 1); step++) {
      if (at.relatesTo === range.eventId) return true
      const next = byId.get(at.relatesTo)
      at = next?.row.roomNid === roomNid ? next : undefined
    }
    return false
  }
  const isBackwards = range.direction === 'backwards'
  const [low, high] = isBackwards ? [range.until, range.from] : [range.from, range.until]
  const isBehind = (row: EventRow, place: RelatedRange['from']): boolean =>
    row.topological === place.topological ? placeOf(row) > place.stream : row.topological > place.topological
  const rows = events
    .filter((event) => event.row.roomNid === roomNid && event.row.eventId !== range.eventId && leadsThere(event))
    .filter(({ relType }) => range.relType === undefined || relType === range.relType)
    .map(({ row }) => row)
    .filter((row) => row.softFailed === 0 && row.redactedBy === null)
    .filter((row) => range.type === undefined || row.type === range.type)
    .filter((row) => placeOf(row) > range.arrivedAfter && placeOf(row) <= range.arrivedBy)
    .filter((row) => isBehind(row, low) && !isBehind(row, high))
    .sort((a, b) => a.topological - b.topological || placeOf(a) - placeOf(b))
    .map((row) => row.eventId)
  return isBackwards ? rows.reverse() : rows
}

function placeOf(row: EventRow): number {
  return row.streamPosition ?? 0
}

const eventsMax = 16
const place = fc.record({ topological: fc.nat(6), stream: fc.nat(eventsMax) })
const story = fc.record({
  /** To which event each relates, by number; to itself: to none. Some are never there, and some lead in a circle. */
  events: fc.array(
    fc.record({
      target: fc.nat(eventsMax + 1),
      relType: fc.constantFrom('m.thread', 'm.annotation'),
      type: fc.constantFrom('m.room.message', 'm.reaction'),
      topological: fc.nat(6),
      softFailed: fc.constantFrom(0, 0, 0, 1),
      roomNid: fc.constantFrom(roomNid, roomNid, roomNid, roomNid, 6),
      /** By which they are sorted as they come. */
      order: fc.nat(),
      isRedacted: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 4, maxLength: eventsMax },
  ),
  together: fc.integer({ min: 1, max: 4 }),
  limit: fc.integer({ min: 1, max: 4 }),
  furtherLooked: fc.integer({ min: 1, max: 4 }),
  relType: fc.constantFrom(undefined, undefined, 'm.annotation'),
  type: fc.constantFrom(undefined, undefined, 'm.reaction'),
  low: fc.oneof(fc.constant(beginning), place),
  high: fc.oneof(fc.constant(end), place),
  arrivedAfter: fc.oneof(fc.constant(-1), fc.nat(eventsMax)),
  arrivedBy: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), fc.nat(eventsMax)),
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

/** Lets the events of a story come, some at a time, and redacts some of them between. Gives those that relate. */
async function play(txn: Transaction, told: Story): Promise<Relating[]> {
  const events = told.events
    .map(({ target, order, isRedacted, ...facts }, number) => ({ target, order, isRedacted, facts, number }))
    .sort((a, b) => a.order - b.order)
    .map((each, index) => ({
      ...relating(each.number + 1, `$${each.target + 1}`, { ...each.facts, streamPosition: index + 1 }),
      ...{ isRedacted: each.isRedacted, isRelating: each.target !== each.number },
    }))
  for (let at = 0; at < events.length; at += told.together) {
    const coming = events.slice(at, at + told.together)
    await write(
      txn,
      coming.filter((event) => event.isRelating),
    )
    const others = coming.filter((event) => !event.isRelating)
    await insertEvents(
      txn,
      others.map((event) => event.row),
    )
    const redacted = coming.filter((event) => event.isRedacted)
    await setRedactedBy(
      txn,
      redacted.map((event) => ({ eventNid: event.row.eventNid, redactedBy: 99 })),
    )
    for (const room of [roomNid, 6]) assert.deepEqual(await wrongRelationsInTurn(txn, room), [])
  }
  return events
    .filter((event) => event.isRelating)
    .map((event) => ({ ...event, row: { ...event.row, redactedBy: event.isRedacted ? 99 : null } }))
}

eachEngine('pages of relations hold what relates to an event, in whatever order it came', async (_t, database) => {
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      await database.runInteraction('test', async (txn) => {
        const events = await play(txn, told)
        const { limit, relType, type, low, high, arrivedAfter, arrivedBy } = told
        const wanted = { limit, relType, type, arrivedAfter, arrivedBy, lookedMax: limit + told.furtherLooked }
        for (let target = 1; target <= eventsMax + 2; target++) {
          for (const recurse of [false, true]) {
            const back = rangeOf(`$${target}`, { ...wanted, recurse, from: high, until: low })
            const forth = { ...back, direction: 'forwards' as const, from: low, until: high }
            for (const range of [back, forth]) {
              const pages = await pagesOf(txn, range)
              assert.deepEqual(pages.flat(), modelOf(events, range))
              assert.ok(pages.every((page) => page.length <= limit))
            }
          }
        }
        await purgeAll(txn, told.events.length, told.together)
      })
    }),
    { numRuns: database.engine === 'sqlite' ? 60 : 8 },
  )
})

/** Purges the events of a story, some at a time. */
async function purgeAll(txn: Transaction, count: number, together: number): Promise<void> {
  const nids = Array.from({ length: count }, (_, index) => index + 1)
  for (let at = 0; at < count; at += together) {
    const gone = nids.slice(at, at + together).map((eventNid) => ({ eventNid, streamPosition: null }))
    await deleteEventsWhole(txn, roomNid, gone)
    for (const room of [roomNid, 6]) assert.deepEqual(await wrongRelationsInTurn(txn, room), [])
  }
  const tables = 'SELECT event_nid FROM relations_in_turn UNION SELECT event_nid FROM event_relations'
  assert.deepEqual(await txn.all(tables), [])
}

/** A thread of so many replies, each with a reaction, every third of which is redacted. */
async function thread(database: Database, rootId: string, first: number, count: number): Promise<void> {
  const replies = Array.from({ length: count }, (_, index) => relating(first + index, rootId))
  const reactions = replies.map(({ row }, index) =>
    relating(first + count + index, row.eventId, {
      ...{ relType: 'm.annotation', type: 'm.reaction', topological: row.topological },
      ...{ redactedBy: index % 3 === 0 ? 99 : null },
    }),
  )
  await database.runInteraction('fill', (txn) => write(txn, [...replies, ...reactions]))
}

eachEngine('a page of what relates to an event reads no more rows of much than of little', async (_t, plain) => {
  const { database, rowsOf } = rowCountingDatabase(plain)
  await thread(database, '$few', 1_000, 300)
  await thread(database, '$many', 10_000, 3_000)
  const costs = async (eventId: string): Promise<unknown[]> => {
    const found: unknown[] = []
    for (const recurse of [true, false])
      for (const direction of ['backwards', 'forwards'] as const)
        for (const wanted of [
          {},
          { type: 'm.reaction' },
          { type: 'm.none' },
          { relType: 'm.thread', type: 'm.none' },
        ]) {
          const range = rangeOf(eventId, { recurse, direction, limit: 20, lookedMax: 200, ...wanted })
          let page: RelatedPage | undefined
          const rows = await rowsOf(async () => {
            page = await database.runInteraction('page', (txn) => relatedEvents(txn, range))
          })
          found.push([recurse, direction, wanted, page?.rows.length, page?.end !== undefined], rows.get('page'))
        }
    return found
  }
  const few = await costs('$few')
  assert.deepEqual(await costs('$many'), few)
  assert.ok(Math.max(...few.filter((cost) => typeof cost === 'number')) <= bodyRuns * (2 * 200 + 20))
})

eachEngine('a database from before relations in turn were noted has them afterwards', async (_t, database) => {
  await thread(database, '$root', 1_000, 30)
  const chain = [relating(1, '$2'), relating(2, '$3'), relating(3, '$1'), relating(4, '$1'), relating(5, '$4')]
  const noted = (): Promise<object[]> =>
    database.runInteraction('noted', (txn) =>
      txn.all('SELECT relates_to, event_nid, topological, stream_position FROM relations_in_turn ORDER BY 1, 2'),
    )
  await database.runInteraction('test', (txn) => write(txn, chain))
  const before = await noted()
  assert.equal(before.length, 20 + 7)
  await database.runInteraction('undo', async (txn) => {
    await txn.run('DROP TABLE relations_in_turn')
    await txn.run('DROP INDEX event_relations_any')
    await txn.run(`DELETE FROM schema_migrations WHERE name = '0022-relations-in-turn'`)
  })
  assert.deepEqual(await migrate(database), ['0022-relations-in-turn'])
  assert.deepEqual(await noted(), before)
})

eachEngine('a check finds relations in turn that are noted wrongly, or not', async (_t, database) => {
  await thread(database, '$root', 1_000, 3)
  const wrongAfter = (sql: string): Promise<string[]> =>
    database.runInteraction('test', async (txn) => {
      await txn.run(sql)
      return wrongRelationsInTurn(txn, roomNid)
    })
  assert.deepEqual(await wrongAfter('DELETE FROM relations_in_turn WHERE event_nid = 1004'), ['$1004'])
  assert.deepEqual(await wrongAfter("INSERT INTO relations_in_turn VALUES (5, '$root', 1001, 1004, 1004)"), [])
  assert.deepEqual(await wrongAfter('UPDATE event_relations SET counts = 0 WHERE event_nid = 1005'), ['$1005'])
  assert.deepEqual(await wrongAfter('DELETE FROM event_relations WHERE event_nid = 1005'), ['$1005'])
})
