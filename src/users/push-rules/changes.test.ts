import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { changesIn, type PushRuleChanges, withoutRule, withRule } from './changes.ts'

const ruleId = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const step = fc.record({
  id: ruleId,
  remove: fc.boolean(),
  before: fc.option(ruleId, { nil: undefined }),
  after: fc.option(ruleId, { nil: undefined }),
})

function order(changes: PushRuleChanges): string[] {
  return (changes.rules.override ?? []).map((rule) => rule.rule_id)
}

test('writing a rule puts it beside the neighbor asked for and leaves the order of the others alone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let changes = changesIn(undefined)
      for (const { id, remove, before, after } of steps) {
        const old = order(changes)
        const others = old.filter((each) => each !== id)
        if (remove) {
          const next = withoutRule(changes, 'override', id)
          assert.equal(next === undefined, !old.includes(id))
          if (next !== undefined) changes = next
          assert.deepEqual(order(changes), others)
          continue
        }
        const neighbor = before ?? after
        const rule = { rule_id: id, actions: [], conditions: [] }
        if (neighbor !== undefined && !others.includes(neighbor)) {
          assert.throws(() => withRule(changes, 'override', rule, { before, after }), { code: 'M_UNKNOWN' })
          continue
        }
        changes = withRule(changes, 'override', rule, { before, after })
        const now = order(changes)
        assert.deepEqual(
          now.filter((each) => each !== id),
          others,
        )
        const at = now.indexOf(id)
        if (before !== undefined) assert.equal(now[at + 1], before)
        else if (after !== undefined) assert.equal(now[at - 1], after)
        else assert.equal(at, Math.max(old.indexOf(id), 0))
      }
    }),
    { verbose: 1 },
  )
})
