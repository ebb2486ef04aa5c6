import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { BufferedOutput } from './buffered-output.ts'
import { createLogger } from './logger.ts'

/** A pipe that does not block, at either end. */
function openPipe(t: TestContext): { readonly fileDescriptor: number; read(): string } {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-pipe-'))
  const path = join(folder, 'pipe')
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
  const fileDescriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => {
    closeSync(fileDescriptor)
    rmSync(folder, { recursive: true })
  })
  const chunk = Buffer.alloc(1 << 20)
  const read = (): string => {
    try {
      return chunk.toString('utf8', 0, readSync(fileDescriptor, chunk))
    } catch {
      return ''
    }
  }
  return { fileDescriptor, read }
}

test('what nobody reads is kept up to a limit; how much was dropped is said when it flows again', async (t) => {
  const { fileDescriptor, read } = openPipe(t)
  const destination = new BufferedOutput(fileDescriptor)
  const logger = createLogger({ level: 'info', format: 'json', destination })
  const filler = 'x'.repeat(10_000)
  const linesMax = 1_500
  const before = process.memoryUsage()
  for (let number = 0; number < linesMax; number += 1) {
    logger.info('line', { number, filler })
    if (number % 100 === 0) await delay(10)
  }
  const after = process.memoryUsage()
  assert.ok(after.external + after.heapUsed - before.external - before.heapUsed < 60e6)
  let text = ''
  let lastAt = performance.now()
  while (!text.includes('The log lost lines') && performance.now() - lastAt < 10_000) {
    const more = read()
    if (more === '') await delay(5)
    else lastAt = performance.now()
    text += more
  }
  logger.info('the end')
  while (!text.includes('the end')) {
    text += read()
    await delay(5)
  }
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { message: string; number?: number; lines?: number })
  const numbers = lines.flatMap(({ number }) => number ?? [])
  const dropped = lines.reduce((sum, line) => sum + (line.lines ?? 0), 0)
  assert.ok(dropped > 0)
  assert.equal(numbers.length + dropped, linesMax)
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  )
})

test('the last lines are written when the process ends, and a reader that does not read is not waited for', (t) => {
  const { fileDescriptor, read } = openPipe(t)
  const destination = new BufferedOutput(fileDescriptor)
  destination.write('first\n')
  destination.flush()
  assert.equal(read(), 'first\n')
  destination.write('x'.repeat(1_000_000))
  const before = performance.now()
  destination.flush()
  assert.ok(performance.now() - before < 5_000)
})
