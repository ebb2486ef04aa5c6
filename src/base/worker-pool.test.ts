import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { WorkerPool } from './worker-pool.ts'

const source = `
import { threadId } from 'node:worker_threads'
export function work(input) {
  if (input[0] === 1) throw new RangeError('one is refused')
  if (input[0] === 2) process.exit(3)
  return Uint8Array.from([input[0] * 2, threadId])
}`

function aPool(t: TestContext, threads: number, tasksMax?: number): WorkerPool {
  const folder = mkdtempSync(join(tmpdir(), 'worker-pool-'))
  const file = join(folder, 'work.mjs')
  writeFileSync(file, source)
  const limit = tasksMax === undefined ? {} : { tasksMax }
  const pool = new WorkerPool({ module: pathToFileURL(file), exportName: 'work', threads, ...limit })
  t.after(async () => {
    await pool.close()
    rmSync(folder, { recursive: true })
  })
  return pool
}

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values)

test('tasks are spread over the threads, and each gets its own answer', async (t) => {
  const pool = aPool(t, 2)
  const answers = await Promise.all([5, 6, 7, 8].map(async (value) => await pool.run(bytes(value))))
  assert.deepEqual(
    answers.map(([first]) => first),
    [10, 12, 14, 16],
  )
  assert.equal(new Set(answers.map(([, thread]) => thread)).size, 2)
})

test('what the function throws comes back, and the thread goes on', async (t) => {
  const pool = aPool(t, 1)
  await assert.rejects(pool.run(bytes(1)), /one is refused/)
  assert.equal((await pool.run(bytes(4)))[0], 8)
})

test('a thread that dies fails its tasks and is replaced', async (t) => {
  const pool = aPool(t, 1)
  await assert.rejects(pool.run(bytes(2)), /ended/)
  assert.equal((await pool.run(bytes(4)))[0], 8)
})

test('too many tasks are refused at once, and so are all once it is closed', async (t) => {
  const pool = aPool(t, 1, 2)
  const first = [pool.run(bytes(5)), pool.run(bytes(6))]
  await assert.rejects(pool.run(bytes(7)), /too many/)
  await Promise.all(first)
  await pool.close()
  await assert.rejects(pool.run(bytes(5)), /closed/)
})
