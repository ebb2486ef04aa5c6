import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { drawErrors } from './draw-errors.ts'

test('docs/errors.md is made from the catalogue', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/errors.md'), 'utf8')
  assert.equal(page, drawErrors(), 'npm run generate')
})
