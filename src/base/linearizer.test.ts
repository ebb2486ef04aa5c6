import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Linearizer } from './linearizer.ts'

/** A task that ends when told to, and notes when it starts. */
function task(name: string, started: string[]): { run: () => Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const run = async (): Promise<string> => {
    started.push(name)
    await promise
    return name
  }
  return { run, end: () => resolve(undefined) }
}

/** Lets everything run that can run now. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('tasks of one key run one at a time in their order, those of another key beside them', async () => {
  const started: string[] = []
  const linearizer = new Linearizer<string>()
  const [first, second, other] = [task('first', started), task('second', started), task('other', started)]
  const results = [linearizer.run('a', first.run), linearizer.run('a', second.run), linearizer.run('b', other.run)]
  await settle()
  assert.deepEqual(started, ['first', 'other'])
  first.end()
  await settle()
  assert.deepEqual(started, ['first', 'other', 'second'])
  second.end()
  other.end()
  assert.deepEqual(await Promise.all(results), ['first', 'second', 'other'])
})

test('a task that fails stops none behind it', async () => {
  const linearizer = new Linearizer<string>()
  const failing = linearizer.run('a', () => Promise.reject(new Error('no')))
  const next = linearizer.run('a', () => Promise.resolve('yes'))
  await assert.rejects(failing, /no/)
  assert.equal(await next, 'yes')
})

test('a key without work is forgotten', async () => {
  const linearizer = new Linearizer<number>()
  await Promise.all(Array.from({ length: 100 }, (_, key) => linearizer.run(key, () => Promise.resolve(key))))
  await settle()
  assert.equal(linearizer.size, 0)
})

test('a task whose turn is no longer waited for never begins, and those behind it keep their order', async () => {
  const started: string[] = []
  const linearizer = new Linearizer<string>()
  const gone = new AbortController()
  const [first, second, third] = [task('first', started), task('second', started), task('third', started)]
  const running = linearizer.run('a', first.run, gone.signal)
  const left = assert.rejects(linearizer.run('a', second.run, gone.signal), /gone/)
  const last = linearizer.run('a', third.run)
  gone.abort(new Error('gone'))
  await left
  assert.deepEqual(started, ['first'])
  first.end()
  third.end()
  assert.deepEqual(await Promise.all([running, last]), ['first', 'third'])
  assert.deepEqual(started, ['first', 'third'])
  await assert.rejects(linearizer.run('a', second.run, gone.signal), /gone/)
  assert.equal(linearizer.size, 0)
})
