import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { eachEngine, engines, testDatabase } from '../../test/databases.ts'
import { aRow } from '../../test/event-rows.ts'
import { insertEvents, type EventRow } from './events.ts'
import { setRedactedBy } from './redactions.ts'
import { migrate } from './migrate.ts'
import { deleteEventsWhole } from './purge.ts'
import { wrongRelationCounts } from './relation-counts.ts'
import { insertRelations, newestEdits } from './relations.ts'
import { threadRoots, threadsOfSender, threadSummaries, threadSummariesWithout, wrongThreads } from './threads.ts'
import type { Database, Transaction } from './transaction.ts'

const roomNid = 5
const rootNid = 1_000_000
const rootId = '$root'
const [alice, bob, carol] = [1, 2, 3]

let lastNid = 0

function row(facts: Partial<EventRow>): EventRow {
  lastNid++
  const eventId = `$${String(lastNid).padStart(6, '0')}`
  return aRow({ eventNid: lastNid, eventId, roomNid, streamPosition: lastNid, deviceId: null, txnId: null, ...facts })
}

/** Writes events that relate to one, as a room does it: those that count and those that do not. */
async function relate(txn: Transaction, rows: readonly EventRow[], relatesTo: string, relType: string): Promise<void> {
  await insertEvents(txn, rows)
  const relations = rows.map((each) => {
    const counts = each.outlier === 0 && each.softFailed === 0 && each.redactedBy === null
    const { originServerTs, eventId } = each
    const edit = counts && relType === 'm.replace' ? { originServerTs, eventId } : undefined
    return { ...each, relatesTo, relType, aggregationKey: edit === undefined ? null : 'm.new_content', counts, edit }
  })
  await insertRelations(txn, relations)
}

async function open(database: Database, others: Partial<EventRow> = {}) {
  lastNid = 0
  const write = <T>(fn: (txn: Transaction) => Promise<T>): Promise<T> => database.runInteraction('test', fn)
  const root = row({ eventNid: rootNid, eventId: rootId, senderNid: alice, topological: 1, ...others })
  await write((txn) => insertEvents(txn, [root]))
  const reply = async (facts: Partial<EventRow>): Promise<EventRow> => {
    const event = row(facts)
    await write((txn) => relate(txn, [event], rootId, 'm.thread'))
    return event
  }
  const told = async (withoutNids: readonly number[] = []) => {
    const [summary] = await write((txn) =>
      withoutNids.length === 0 ? threadSummaries(txn, [rootId]) : threadSummariesWithout(txn, [rootId], withoutNids),
    )
    return summary === undefined ? undefined : [summary.count, summary.latestNid]
  }
  const wrong = () =>
    write(async (txn) => [...(await wrongThreads(txn, roomNid)), ...(await wrongRelationCounts(txn, roomNid))])
  return { write, reply, told, wrong }
}

eachEngine('a thread is summed up whatever order its replies come in', async (_t, database) => {
  const { reply, told, wrong } = await open(database)
  assert.equal(await told(), undefined)
  const late = await reply({ senderNid: bob, topological: 30 })
  const early = await reply({ senderNid: carol, topological: 10 })
  assert.deepEqual(await told(), [2, late.eventNid])
  const sameDepth = await reply({ senderNid: carol, topological: 30 })
  assert.deepEqual(await told(), [3, sameDepth.eventNid])
  assert.deepEqual(await told([carol]), [1, late.eventNid])
  assert.deepEqual(await told([bob]), [2, sameDepth.eventNid])
  assert.equal(await told([bob, carol]), undefined)
  assert.deepEqual(await told([alice]), [3, sameDepth.eventNid])
  assert.ok(early.topological < late.topological)
  assert.deepEqual(await wrong(), [])
})

eachEngine('what is redacted or never shown counts in no thread', async (_t, database) => {
  const { write, reply, told, wrong } = await open(database)
  const first = await reply({ senderNid: bob, topological: 10 })
  await reply({ senderNid: carol, topological: 40, softFailed: 1 })
  await reply({ senderNid: carol, topological: 41, redactedBy: 9 })
  assert.deepEqual(await told(), [1, first.eventNid])
  const second = await reply({ senderNid: bob, topological: 20 })
  const third = await reply({ senderNid: carol, topological: 30 })
  const redact = (event: EventRow) => write((txn) => setRedactedBy(txn, [{ eventNid: event.eventNid, redactedBy: 99 }]))
  await redact(third)
  assert.deepEqual(await told(), [2, second.eventNid])
  await redact(third)
  assert.deepEqual(await told(), [2, second.eventNid], 'once is enough')
  await redact(first)
  assert.deepEqual(await told(), [1, second.eventNid])
  assert.deepEqual(await wrong(), [])
  await redact(second)
  assert.equal(await told(), undefined)
  assert.deepEqual(await write((txn) => txn.all('SELECT root_id FROM thread_senders')), [])
  assert.deepEqual(await wrong(), [])
})

eachEngine(
  'threads of a room are listed by their newest replies, and for those who took part',
  async (_t, database) => {
    const { write, reply } = await open(database)
    const other = row({ eventId: '$other', senderNid: bob })
    await write((txn) => insertEvents(txn, [other]))
    const [answer, stray] = [row({ senderNid: carol, topological: 3 }), row({ senderNid: carol })]
    await write((txn) => relate(txn, [answer], '$other', 'm.thread'))
    await write((txn) => relate(txn, [stray], '$unknown', 'm.thread'))
    const newest = await reply({ senderNid: bob, topological: 10 })
    const page = (participantNid: number | null, before = 1e9) =>
      write((txn) => threadRoots(txn, { roomNid, before, participantNid, limit: 10 }))
    assert.deepEqual(await page(null), [
      { rootId, newest: newest.streamPosition },
      { rootId: '$other', newest: answer.streamPosition },
    ])
    assert.deepEqual(
      (await page(null, newest.streamPosition ?? 0)).map((each) => each.rootId),
      ['$other'],
    )
    assert.deepEqual(
      (await page(carol)).map((each) => each.rootId),
      ['$other'],
    )
    assert.deepEqual((await page(bob)).length, 2)
    assert.deepEqual(await write((txn) => threadsOfSender(txn, [rootId, '$other'], alice)), [rootId])
    assert.deepEqual(await write((txn) => threadsOfSender(txn, [rootId, '$other'], carol)), ['$other'])
  },
)

eachEngine('the newest edit is found among its equals, and the one before it when it goes', async (_t, database) => {
  const { write } = await open(database, { senderNid: alice, type: 'm.room.message' })
  const edits = [
    row({ senderNid: alice, type: 'm.room.message', originServerTs: 50, eventId: '$b' }),
    row({ senderNid: alice, type: 'm.room.message', originServerTs: 70, eventId: '$a' }),
    row({ senderNid: alice, type: 'm.room.message', originServerTs: 70, eventId: '$c' }),
    row({ senderNid: bob, type: 'm.room.message', originServerTs: 90 }),
    row({ senderNid: alice, type: 'org.example', originServerTs: 90 }),
    row({ senderNid: alice, type: 'm.room.message', originServerTs: 90, roomNid: 6 }),
  ]
  await write((txn) => relate(txn, edits, rootId, 'm.replace'))
  const newest = async (): Promise<number | undefined> =>
    (await write((txn) => newestEdits(txn, [rootId])))[0]?.eventNid
  for (const expected of [2, 1, 0]) {
    const eventNid = edits[expected]?.eventNid ?? 0
    assert.equal(await newest(), eventNid)
    await write((txn) => setRedactedBy(txn, [{ eventNid, redactedBy: 99 }]))
  }
  assert.equal(await newest(), undefined)
})

for (const engine of engines) {
  test(`whatever comes to a thread and goes, its sums are those of its replies (${engine})`, async (t) => {
    const database = await testDatabase(t, { engine })
    const step = fc.record({
      what: fc.constantFrom('reply', 'reply', 'hidden', 'redact', 'purge'),
      of: fc.nat(40),
      senderNid: fc.integer({ min: 1, max: 3 }),
      topological: fc.integer({ min: 1, max: 9 }),
      root: fc.constantFrom(rootId, '$other', '$third'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (drawn) => {
        const steps = drawn.map(({ senderNid, topological, ...each }) => ({
          ...each,
          event: row({ senderNid, topological, softFailed: each.what === 'hidden' ? 1 : 0 }),
        }))
        await database.runInteraction('test', async (txn) => {
          const live: EventRow[] = []
          for (const { what, of, event, root } of steps) {
            const known = live[of % Math.max(live.length, 1)]
            if (what === 'reply' || what === 'hidden') {
              await relate(txn, [event], root, 'm.thread')
              live.push(event)
            } else if (known !== undefined && what === 'redact') {
              await setRedactedBy(txn, [{ eventNid: known.eventNid, redactedBy: 99 }])
            } else if (known !== undefined) {
              await deleteEventsWhole(txn, roomNid, [known])
              live.splice(live.indexOf(known), 1)
            }
            assert.deepEqual(await wrongThreads(txn, roomNid), [])
            assert.deepEqual(await wrongRelationCounts(txn, roomNid), [])
          }
          await deleteEventsWhole(txn, roomNid, live)
          assert.deepEqual(await txn.all('SELECT root_id FROM threads UNION SELECT root_id FROM thread_senders'), [])
        })
      }),
      { numRuns: 15 },
    )
  })
}

eachEngine('a check finds sums that are not those of the replies', async (_t, database) => {
  const { write, reply, wrong } = await open(database)
  const event = await reply({ senderNid: bob })
  await write((txn) => txn.run('UPDATE threads SET replies = 2'))
  assert.deepEqual(await wrong(), [rootId])
  await write((txn) => txn.run('UPDATE threads SET replies = 1'))
  await write((txn) => txn.run('DELETE FROM thread_senders'))
  assert.deepEqual(await wrong(), [rootId])
  await write((txn) => txn.run('UPDATE event_relations SET counts = 0'))
  assert.deepEqual(await wrong(), [rootId, event.eventId])
})

eachEngine('a database from before threads were summed up has its sums afterwards', async (_t, database) => {
  const { write, reply, told, wrong } = await open(database, { senderNid: alice })
  const replies = [
    await reply({ senderNid: bob, topological: 10 }),
    await reply({ senderNid: bob, topological: 30 }),
    await reply({ senderNid: carol, topological: 20 }),
    await reply({ senderNid: carol, topological: 50, softFailed: 1 }),
  ]
  const edit = row({ senderNid: alice })
  await write((txn) => relate(txn, [edit], rootId, 'm.replace'))
  await write(async (txn) => {
    await txn.run('DROP TABLE threads')
    await txn.run('DROP TABLE thread_senders')
    for (const index of ['target', 'sender', 'edits', 'any']) await txn.run(`DROP INDEX event_relations_${index}`)
    for (const column of ['counts', 'edit_ts', 'edit_id'])
      await txn.run(`ALTER TABLE event_relations DROP COLUMN ${column}`)
    await txn.run('CREATE INDEX event_relations_target ON event_relations (relates_to)')
    await txn.run('CREATE INDEX event_relations_threads ON event_relations (room_nid)')
    await txn.run(`DELETE FROM schema_migrations WHERE name = '0015-threads'`)
  })
  assert.deepEqual(await migrate(database), ['0015-threads'])
  assert.deepEqual(await told(), [3, replies[1]?.eventNid])
  assert.deepEqual(await told([bob]), [1, replies[2]?.eventNid])
  assert.deepEqual(await wrong(), [])
  assert.equal((await write((txn) => newestEdits(txn, [rootId])))[0]?.eventNid, edit.eventNid)
})
