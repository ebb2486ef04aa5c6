import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from './errors.ts'
import { matches, parseFilter, parseRoomEventFilter, wantsAll } from './filters.ts'

function wanted(filter: object, event: { type?: string; sender?: string; roomId?: string; url?: boolean }): boolean {
  const { type = 'm.room.message', sender, roomId, url = false } = event
  return matches(parseRoomEventFilter(filter), { type, sender, roomId, hasUrl: () => url })
}

test('an empty filter wants everything', () => {
  const filter = parseFilter({})
  assert.equal(filter.eventFormat, 'client')
  assert.equal(filter.room.includeLeave, false)
  assert.equal(wantsAll(filter.room.timeline), true)
  assert.equal(wantsAll(filter.presence), true)
  assert.equal(wanted({}, {}), true)
})

test('a type pattern is matched as a whole, and a star stands for any run of characters', () => {
  const cases: [string, string, boolean][] = [
    ['m.room.message', 'm.room.message', true],
    ['m.room', 'm.room.message', false],
    ['m.room.*', 'm.room.message', true],
    ['*', '', true],
    ['*.message', 'm.room.message', true],
    ['m.*.message', 'm.room.message', true],
    ['m.*.message', 'm.message', false],
    ['a*a', 'a', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'acb', false],
    ['a**c', 'abc', true],
    ['m.room.+', 'm.room.x', false],
  ]
  for (const [pattern, type, expected] of cases) {
    assert.equal(wanted({ types: [pattern] }, { type }), expected, `${pattern} on ${type}`)
    assert.equal(wanted({ not_types: [pattern] }, { type }), !expected, `not ${pattern} on ${type}`)
  }
})

test('what is excluded is excluded even if it is included', () => {
  assert.equal(wanted({ types: ['a'], not_types: ['a'] }, { type: 'a' }), false)
  assert.equal(wanted({ senders: ['@a:x'], not_senders: ['@a:x'] }, { sender: '@a:x' }), false)
  assert.equal(wanted({ rooms: ['!a:x'], not_rooms: ['!a:x'] }, { roomId: '!a:x' }), false)
})

test('an empty list of names wants nothing', () => {
  assert.equal(wanted({ types: [] }, {}), false)
  assert.equal(wanted({ senders: [] }, { sender: '@a:x' }), false)
})

test('contains_url tells events with a url in their content from others', () => {
  assert.equal(wanted({ contains_url: true }, { url: true }), true)
  assert.equal(wanted({ contains_url: true }, { url: false }), false)
  assert.equal(wanted({ contains_url: false }, { url: true }), false)
})

test('a filter of the wrong shape is refused, and the error names the field', () => {
  const cases: [unknown, RegExp][] = [
    [[], /the filter must/],
    [{ room: 1 }, /room must/],
    [{ room: { timeline: { limit: 'ten' } } }, /room\.timeline\.limit/],
    [{ room: { timeline: { limit: -1 } } }, /room\.timeline\.limit/],
    [{ room: { state: { types: 'm.room.name' } } }, /room\.state\.types/],
    [{ room: { rooms: ['nonsense'] } }, /room\.rooms/],
    [{ presence: { senders: ['nonsense'] } }, /presence\.senders/],
    [{ event_format: 'xml' }, /event_format/],
    [{ room: { include_leave: 1 } }, /room\.include_leave/],
  ]
  for (const [filter, message] of cases) {
    assert.throws(
      () => parseFilter(filter),
      (error) => error instanceof MatrixError && error.code === 'M_INVALID_PARAM' && message.test(error.message),
    )
  }
})

test('counts by thread are asked for by either name', () => {
  const asks = (timeline: object): boolean =>
    parseFilter({ room: { timeline } }).room.timeline.unreadThreadNotifications
  assert.equal(asks({ unread_thread_notifications: true }), true)
  assert.equal(asks({ 'org.matrix.msc3773.unread_thread_notifications': true }), true)
  assert.equal(asks({ unread_thread_notifications: false }), false)
  assert.equal(asks({}), false)
})
