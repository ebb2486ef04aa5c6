import assert from 'node:assert/strict'
import { test } from 'node:test'

import { StepSize } from './step-size.ts'

test('steps grow while they are quick, up to the bound', () => {
  const step = new StepSize({ aimMs: 10, max: 100 })
  assert.equal(step.size, 16)
  step.took(1)
  assert.equal(step.size, 32)
  for (let count = 0; count < 10; count += 1) step.took(0)
  assert.equal(step.size, 100)
})

test('a step that took too long makes the next one as much smaller, and never nothing', () => {
  const step = new StepSize({ aimMs: 10, max: 100 })
  step.took(40)
  assert.equal(step.size, 4)
  step.took(10_000)
  assert.equal(step.size, 1)
  step.took(5)
  assert.equal(step.size, 2)
})
