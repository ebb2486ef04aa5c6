import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomVersion } from '#protocol/room-versions.ts'
import { aRow } from '../../../test/event-rows.ts'
import { CutCache } from './cut-cache.ts'

const rules = roomVersion('12')
assert.ok(rules)

test('a text is cut once for each format', () => {
  const cache = new CutCache()
  const row = aRow()
  const { text } = cache.of(row, rules, 'v2')
  assert.equal(
    text,
    `{"event_id":"${row.eventId}","content":{"body":"no ${row.eventNid}"},"sender":"@a:test.example","type":"m.room.message"`,
  )
  assert.equal(cache.of({ ...row, json: 'never looked at again' }, rules, 'v2').text, text)
  assert.notEqual(cache.of(row, rules, 'v1').text, text)
})

test('a redacted event loses what it said', () => {
  const cache = new CutCache()
  const row = aRow()
  assert.match(cache.of(row, rules, 'v2').text, /"body"/)
  assert.match(cache.of({ ...row, redactedBy: 9 }, rules, 'v2').text, /"content":\{\}/)
})

test('what is held stays under its bound', () => {
  const cache = new CutCache(20_000)
  for (let index = 0; index < 1_000; index++) {
    cache.of(aRow(), rules, 'v2')
    assert.ok(cache.size <= 20_000 + 1_000)
  }
})
