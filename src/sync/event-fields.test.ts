import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldPicker, splitPath } from './event-fields.ts'

test('a path is split at dots that are not escaped', () => {
  const cases: [string, string[]][] = [
    ['m', ['m']],
    ['m.foo', ['m', 'foo']],
    ['m\\.foo', ['m.foo']],
    ['m\\\\.foo', ['m\\', 'foo']],
    ['m\\foo', ['m\\foo']],
    ['m.foo\\', ['m', 'foo\\']],
    ['m..foo', ['m', '', 'foo']],
  ]
  for (const [path, names] of cases) assert.deepEqual(splitPath(path), names, path)
})

test('only the fields that are named stay', () => {
  const text = JSON.stringify({
    type: 'm.room.message',
    sender: '@a:x',
    content: { body: 'hi', 'm.relates_to': { rel_type: 'm.thread' }, list: [1] },
  })
  const pick = (...paths: string[]): unknown => JSON.parse(fieldPicker(paths)(text))
  assert.deepEqual(pick('content.body'), { content: { body: 'hi' } })
  assert.deepEqual(pick('content.body', 'sender'), { content: { body: 'hi' }, sender: '@a:x' })
  assert.deepEqual(pick('content.m\\.relates_to.rel_type'), { content: { 'm.relates_to': { rel_type: 'm.thread' } } })
  assert.deepEqual(pick('content.list.0', 'content.none', 'none.at.all', '__proto__'), {})
})
