import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StateChunkRow, StateNodeRow } from '#storage/room-state.ts'
import { NodePath, type NewState } from './node-path.ts'
import { packEntries, unpackEntries, visitPacked } from './packed-entries.ts'

/** What is stored of the states of a room: rows of their own, and events. */
class Stored {
  readonly rows = new Map<number, StateNodeRow>()
  readonly chunks = new Map<number, readonly StateChunkRow[]>()

  keep({ node, chunks }: NewState): void {
    this.rows.set(node.stateNid, { ...node, keyNid: null })
    this.chunks.set(node.stateNid, chunks)
  }

  /** Adds what an event makes of the path's latest state, as the writer does; gives the new state's number. */
  event(path: NodePath, eventNid: number, keyNid: number, whole: ReadonlyMap<number, number>): number {
    const before = path.stateNid
    const created = path.addEvent({ eventNid, keyNid }, eventNid, () => whole)
    if (created !== undefined) this.keep(created)
    else {
      const row = { stateNid: -eventNid, roomNid: 1, parentNid: before, position: null, delta: null, keyNid }
      this.rows.set(-eventNid, row)
    }
    return path.stateNid
  }

  /** Reads a state the slow and obvious way: from its base through every node on its path. */
  state(stateNid: number): Map<number, number> {
    const path = this.path(stateNid)
    const state = new Map<number, number>()
    for (const chunk of this.chunks.get(path.at(-1)?.stateNid ?? 0) ?? []) {
      visitPacked(chunk.entries, (key, event) => state.set(key, event))
    }
    for (const node of path.reverse()) {
      if (node.delta === null) state.set(node.keyNid ?? 0, -node.stateNid)
      else visitPacked(node.delta, (key, event) => state.set(key, event))
    }
    return state
  }

  path(stateNid: number): StateNodeRow[] {
    const rows: StateNodeRow[] = []
    for (let nid: number | null = stateNid; nid !== null; nid = rows.at(-1)?.parentNid ?? null) {
      const row = this.rows.get(nid)
      assert.ok(row, `state ${nid} was never written`)
      rows.push(row)
    }
    return rows
  }
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
      const { path: first, created } = NodePath.start(1, 1)
      const stored = new Stored()
      stored.keep(created)
      const expected = new Map<number, number>()
      const wanted = new Map<number, [number, number][]>()
      let path = first
      for (const [index, key] of keys.entries()) {
        const eventNid = index + 2
        expected.set(key, eventNid)
        const stateNid = stored.event(path, eventNid, key, expected)
        if (index % 97 === 0 || index === keys.length - 1) wanted.set(stateNid, sorted(expected))
        if (resumeEvery > 0 && index % resumeEvery === 0)
          path = NodePath.resume(stored.path(stateNid), stateNid, expected.size)
      }
      for (const [stateNid, state] of wanted) assert.deepEqual(sorted(stored.state(stateNid)), state)
    }),
    { numRuns: 30 },
  )
})

test('no state is more than 21 steps from its base before a room has changed 512 times', () => {
  const { path, created } = NodePath.start(1, 1)
  const stored = new Stored()
  stored.keep(created)
  for (let nid = 2; nid < 512; nid++) stored.event(path, nid, nid, new Map())
  for (const nid of stored.rows.keys()) assert.ok(stored.path(nid).length - 1 <= 21)
})

test('seven of eight states cost no row of their own', () => {
  const { path, created } = NodePath.start(1, 1)
  const stored = new Stored()
  stored.keep(created)
  for (let nid = 2; nid < 402; nid++) stored.event(path, nid, nid % 30, new Map())
  assert.equal([...stored.rows.keys()].filter((nid) => nid > 0).length, 1 + 400 / 8)
})
