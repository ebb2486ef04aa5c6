import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadLinks, deadPaths, dependencyFaults, staleSpecLinks } from './check-docs.ts'

const has = (path: string): boolean => ['docs/a.md', 'src/rooms/timeline.ts'].includes(path)

test('a link that leads nowhere is found, from where the document stands', () => {
  const text = '[a](a.md) [b](../docs/a.md#part) [c](missing.md) [d](https://example.org) [e](#here)'
  assert.deepEqual(deadLinks({ path: 'docs/b.md', text }, has), ['links to missing.md'])
})

test('a path that does not exist is found, and a pattern is let be', () => {
  const text =
    '`src/rooms/timeline.ts` `src/rooms/gone.ts` `src/api/client/<name>.ts` `src/storage/migrations/NNNN-what.ts`'
  assert.deepEqual(deadPaths({ path: 'docs/b.md', text }, has), ['names src/rooms/gone.ts'])
})

test('a link to another version of the specification is found', () => {
  const base = 'https://spec.matrix.org/'
  const text = `${base}v1.19/appendices/ ${base}latest/appendices/`
  assert.deepEqual(staleSpecLinks({ path: 'a.ts', text }), ['links to version latest of the spec'])
})

test('the list of dependencies must be the one of package.json, with licence and reason', () => {
  const table =
    '| `a` | MIT | because |\n| `b` | MIT | because |\n| `c` | GPL-3.0 | because |\n| `old` | MIT | because |\n'
  const used = [
    { name: 'a', licence: 'MIT' },
    { name: 'b', licence: 'ISC' },
    { name: 'c', licence: 'GPL-3.0' },
    { name: 'd', licence: 'MIT' },
  ]
  assert.deepEqual(dependencyFaults(table, used), [
    'lists old, which package.json does not',
    'b is under ISC',
    'c: licence GPL-3.0 is not one we accept',
    'does not list d',
  ])
})
