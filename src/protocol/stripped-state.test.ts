import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from './json.ts'
import { printStrippedState, readStrippedState, strippedEventsMax } from './stripped-state.ts'

const name = { type: 'm.room.name', state_key: '', sender: '@a:b', content: { name: 'Hall' } }

test('whole events are cut down to their stripped form', () => {
  const whole = { ...name, room_id: '!r:b', signatures: {}, unsigned: { age: 1 } }
  assert.deepEqual(printStrippedState(readStrippedState([whole])), [name])
})

test('what is no state event is passed over, and of two under one key the first counts', () => {
  const wrong = [null, 5, [], {}, { ...name, state_key: undefined }, { ...name, sender: 'a' }, { ...name, content: [] }]
  const second = { ...name, content: { name: 'Other' } }
  assert.deepEqual(printStrippedState(readStrippedState([...wrong, name, second] as JsonValue)), [name])
})

test('no more than the limit is read, and no JSON makes it throw', () => {
  const many = Array.from({ length: strippedEventsMax + 5 }, (_, index) => ({ ...name, state_key: String(index) }))
  assert.equal(readStrippedState(many).length, strippedEventsMax)
  assert.deepEqual(readStrippedState(undefined), [])
  fc.assert(fc.property(fc.jsonValue(), (value) => void readStrippedState(value as JsonValue)))
})
