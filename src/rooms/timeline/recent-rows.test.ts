import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aRow } from '../../../test/event-rows.ts'
import { RecentRows } from './recent-rows.ts'

const room = 1

function positionsOf(read: ReturnType<RecentRows['read']>): unknown {
  return read === undefined ? undefined : [read.rows.map((row) => row.streamPosition), read.limited]
}

test('the newest events are read from memory as soon as one has come', () => {
  const recent = new RecentRows()
  recent.add(room, [aRow({ streamPosition: 5 })])
  recent.add(room, [aRow({ streamPosition: 7 }), aRow({ streamPosition: 8 })])
  assert.deepEqual(positionsOf(recent.read(room, { after: 4, upTo: 8, limit: 10 })), [[5, 7, 8], false])
  assert.deepEqual(positionsOf(recent.read(room, { after: 5, upTo: 7, limit: 10 })), [[7], false])
  assert.deepEqual(positionsOf(recent.read(room, { after: 0, upTo: 8, limit: 2 })), [[7, 8], true])
  assert.equal(recent.read(room, { after: 0, upTo: 8, limit: 10 }), undefined, 'older ones are not known')
  assert.equal(recent.read(2, { after: 4, upTo: 8, limit: 10 }), undefined)
})

test('what nobody may see is not held, and a redaction reaches what is', () => {
  const recent = new RecentRows()
  const seen = aRow({ streamPosition: 5 })
  recent.add(room, [seen, aRow({ streamPosition: 6, softFailed: 1 }), aRow({ streamPosition: 7, rejected: 'no' })])
  recent.redacted(room, [{ eventNid: seen.eventNid, redactedBy: 99 }])
  const read = recent.read(room, { after: 4, upTo: 7, limit: 10 })
  assert.deepEqual(
    read?.rows.map((row) => row.redactedBy),
    [99],
  )
})

test('a query that is older than what has come since fills nothing', () => {
  const recent = new RecentRows()
  recent.add(2, [aRow({ roomNid: 2, streamPosition: 9 })])
  recent.fill(room, [aRow({ streamPosition: 3 })], { after: 0, upTo: 8 })
  assert.equal(recent.read(room, { after: 0, upTo: 8, limit: 10 }), undefined)
})

test('memory never tells anything but what the whole history would', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'fill', 'read'),
    roomNid: fc.integer({ min: 1, max: 3 }),
    count: fc.integer({ min: 1, max: 60 }),
    back: fc.nat({ max: 80 }),
    limit: fc.integer({ min: 0, max: 12 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new RecentRows()
      const history: ReturnType<typeof aRow>[] = []
      let position = 0
      for (const { kind, roomNid, count, back, limit } of steps) {
        const after = Math.max(position - back, 0)
        const all = history.filter((row) => row.roomNid === roomNid && (row.streamPosition ?? 0) > after)
        if (kind === 'add') {
          const rows = Array.from({ length: count }, () => aRow({ roomNid, streamPosition: ++position }))
          history.push(...rows)
          recent.add(roomNid, rows)
        } else if (kind === 'fill') {
          recent.fill(roomNid, all, { after, upTo: position })
        } else {
          const read = recent.read(roomNid, { after, upTo: position, limit })
          const newest = limit === 0 ? [] : all.slice(-limit)
          const whole = [newest.map((row) => row.streamPosition), all.length > limit]
          if (read !== undefined) assert.deepEqual(positionsOf(read), whole)
        }
      }
    }),
  )
})
