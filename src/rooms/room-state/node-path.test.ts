import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StateChunkRow, StateNodeRow } from '#storage/room-state.ts'
import { NodePath, type NewState } from './node-path.ts'
import { packEntries, unpackEntries, type Entries } from './packed-entries.ts'

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
    for (const [key, event] of this.entries(path.pop()?.stateNid ?? 0)) state.set(key, event)
    for (const node of path.reverse()) {
      if (node.delta === null) state.set(node.keyNid ?? 0, -node.stateNid)
      else for (const [key, event] of this.entries(node.stateNid)) state.set(key, event)
    }
    return state
  }

  /** What a node's row and chunks hold. */
  entries(stateNid: number): Entries {
    const chunks = this.chunks.get(stateNid) ?? []
    if (chunks.length === 0) return unpackEntries(this.rows.get(stateNid)?.delta ?? new Uint8Array(0))
    return new Map(chunks.flatMap((chunk) => [...unpackEntries(chunk.entries)]))
  }

  /** Takes up the path to a state, as whoever places one event does, or with all of it. */
  resume(stateNid: number, size: number, what: 'all' | 'next'): NodePath {
    const nodes = new Map(this.path(stateNid).map((row) => [row.stateNid, row]))
    const path = NodePath.resume({ roomNid: 1, stateNid, nodes, size })
    path.supply(new Map(path.missing(what).map((nid) => [nid, this.entries(nid)])))
    return path
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
        if (resumeEvery > 0 && index % resumeEvery === 0) path = stored.resume(stateNid, expected.size, 'all')
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

test('a delta of many entries lies in chunks, and is read again only when it becomes part of a longer one', () => {
  const size = 40_000
  const whole = new Map(Array.from({ length: size }, (_, index) => [index + 1, index + 1]))
  const { path: first, created } = NodePath.from(1, 1, whole)
  const stored = new Stored()
  stored.keep(created)
  let path = first
  for (let change = 1; change <= 4_200; change++) {
    const eventNid = size + change
    const keyNid = ((change * 7_919) % size) + 1
    whole.set(keyNid, eventNid)
    const stateNid = stored.event(path, eventNid, keyNid, whole)
    if (change % 100 !== 0 && change < 4_080) continue
    path = stored.resume(stateNid, size, 'next')
    assert.deepEqual(path.missing('next'), [])
  }
  assert.deepEqual(sorted(stored.state(path.stateNid)), sorted(whole))
  const long = [...stored.rows.values()].filter((row) => row.delta?.length === 1)
  assert.deepEqual(
    long.map((row) => row.position),
    [512, 1024, 1536, 2048, 2560, 3072, 3584, 4096],
  )
})
