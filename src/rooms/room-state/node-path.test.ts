import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StateNodeRow } from '#storage/room-state.ts'
import { NodePath, type NewState } from './node-path.ts'
import { packEntries, unpackEntries, visitPacked } from './packed-entries.ts'

/** Reads a state the slow and obvious way: from its base through every node on its path. */
function stateOf(stateNid: number, created: ReadonlyMap<number, NewState>): Map<number, number> {
  const path: StateNodeRow[] = []
  for (let nid: number | null = stateNid; nid !== null; nid = path.at(-1)?.parentNid ?? null) {
    const state = created.get(nid)
    assert.ok(state, `state ${nid} was never written`)
    path.push(state.node)
  }
  const state = new Map<number, number>()
  for (const chunk of created.get(path.at(-1)?.stateNid ?? 0)?.chunks ?? []) {
    visitPacked(chunk.entries, (key, event) => state.set(key, event))
  }
  for (const node of path.reverse()) visitPacked(node.delta, (key, event) => state.set(key, event))
  return state
}

function sorted(state: ReadonlyMap<number, number>): [number, number][] {
  return [...state].sort(([a], [b]) => a - b)
}

test('packed entries come out as they went in, whatever their size', () => {
  const numbers = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, numbers)), (pairs) => {
      const entries = new Map(pairs)
      assert.deepEqual(sorted(unpackEntries(packEntries(entries))), sorted(entries))
    }),
  )
})

test('packed bytes that end in the middle of a number are refused', () => {
  assert.throws(() => unpackEntries(new Uint8Array([0x80])), /middle of a number/)
})

test('every state of a room can be read back, across new bases, from a path resumed anywhere', () => {
  const change = fc.integer({ min: 1, max: 60 })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1_100, maxLength: 1_300 }), fc.nat({ max: 40 }), (keys, resumeEvery) => {
      const started = NodePath.start(1, 1)
      const created = new Map<number, NewState>([[1, started.created]])
      const expected = new Map<number, number>()
      const wanted = new Map<number, [number, number][]>()
      let path = started.path
      for (const [index, key] of keys.entries()) {
        const stateNid = index + 2
        expected.set(key, 1_000_000 + index)
        created.set(stateNid, path.add(stateNid, new Map([[key, 1_000_000 + index]]), expected))
        if (index % 97 === 0 || index === keys.length - 1) wanted.set(stateNid, sorted(expected))
        if (resumeEvery > 0 && index % resumeEvery === 0)
          path = NodePath.resume(pathRows(stateNid, created), expected.size)
      }
      for (const [stateNid, state] of wanted) assert.deepEqual(sorted(stateOf(stateNid, created)), state)
    }),
    { numRuns: 30 },
  )
})

test('no state is more than 21 steps from its base before a room has changed 512 times', () => {
  const { path, created } = NodePath.start(1, 1)
  const all = new Map<number, NewState>([[1, created]])
  for (let nid = 2; nid < 512; nid++) all.set(nid, path.add(nid, new Map([[nid, nid]]), new Map()))
  for (const nid of all.keys()) assert.ok(pathRows(nid, all).length - 1 <= 21)
})

function pathRows(stateNid: number, created: ReadonlyMap<number, NewState>): StateNodeRow[] {
  const rows: StateNodeRow[] = []
  for (let nid: number | null = stateNid; nid !== null; nid = rows.at(-1)?.parentNid ?? null) {
    const state = created.get(nid)
    assert.ok(state)
    rows.push(state.node)
  }
  return rows
}
