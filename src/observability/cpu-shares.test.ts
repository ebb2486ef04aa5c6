import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { CpuShares } from './cpu-shares.ts'
import { noCounts, type RequestContext } from './request-context.ts'

function aContext(): RequestContext {
  const names = { id: 'a-1', background: false, method: 'GET', path: '/', ip: '', requester: undefined }
  return { ...names, device: undefined, ...noCounts() }
}

test('two that are worked on at the same time share what the thread uses', () => {
  let now = 0
  const shares = new CpuShares(
    () => now * 1000,
    () => now,
  )
  const [one, two] = [aContext(), aContext()]
  shares.begin(one)
  now += 3
  shares.begin(two)
  now += 4
  shares.end(one)
  now += 2
  shares.end(two)
  now += 5
  assert.deepEqual([one.cpuMs, two.cpuMs], [5, 4])
})

test('whatever begins and ends when, all shares together are what was used while there was work', () => {
  const step = fc.record({ who: fc.nat(4), ms: fc.constantFrom(0, 0.05, 0.2, 0.3, 1, 7) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let now = 0
      let used = 0
      const shares = new CpuShares(
        () => now * 1000,
        () => now,
      )
      const contexts = Array.from({ length: 5 }, aContext)
      const working = new Set<RequestContext>()
      const turn = (context: RequestContext): void => {
        if (working.delete(context)) shares.end(context)
        else {
          working.add(context)
          shares.begin(context)
        }
      }
      for (const { who, ms } of steps) {
        turn(contexts[who] ?? aContext())
        now += ms
        if (working.size > 0) used += ms
      }
      for (const context of [...working]) turn(context)
      const sum = contexts.reduce((all, context) => all + context.cpuMs, 0)
      assert.ok(Math.abs(sum - used) < 1e-6, `${sum} of ${used}`)
    }),
  )
})
