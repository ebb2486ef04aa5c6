import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pickFields, splitPath } from './property-path.ts'

test('paths are split at dots that are not escaped', () => {
  for (const [path, names] of [
    ['m', ['m']],
    ['m.foo', ['m', 'foo']],
    ['m\\.foo', ['m.foo']],
    ['m\\\\.foo', ['m\\', 'foo']],
    ['m\\\\\\.foo', ['m\\.foo']],
    ['m\\\\\\\\.foo', ['m\\\\', 'foo']],
    ['m\\foo', ['m\\foo']],
    ['m\\\\foo', ['m\\foo']],
    ['m\\\\\\foo', ['m\\\\foo']],
    ['m\\\\\\\\foo', ['m\\\\foo']],
    ['m.foo\\', ['m', 'foo\\']],
    ['m.foo\\.', ['m', 'foo.']],
    ['m.foo\\\\.', ['m', 'foo\\', '']],
    ['m.foo\\\\\\.', ['m', 'foo\\.']],
    ['.m', ['', 'm']],
    ['..m', ['', '', 'm']],
    ['m.', ['m', '']],
    ['m..', ['m', '', '']],
    ['m..foo', ['m', '', 'foo']],
    ['\\m', ['\\m']],
  ] as const) {
    assert.deepEqual(splitPath(path), names, path)
  }
})

test('fields are picked as the paths say, and nothing else', () => {
  const event = { content: { body: 'x', foo: [1, 2], deep: { a: 1, b: 2 } }, type: 't', event_id: '$1' }
  const pick = (...paths: string[]) => pickFields(event, paths.map(splitPath))
  assert.deepEqual(pick('content.body'), { content: { body: 'x' } })
  assert.deepEqual(pick('content.foo.1', 'content.none', 'type.x'), {})
  assert.deepEqual(pick('content.body', 'content'), { content: event.content })
  assert.deepEqual(pick('content', 'content.body'), { content: event.content })
  assert.deepEqual(pick('content.deep', 'content.deep.a', 'type'), { content: { deep: { a: 1, b: 2 } }, type: 't' })
  assert.deepEqual(pick('__proto__', 'constructor.name'), {})
})
