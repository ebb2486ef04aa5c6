/** A server whose log nobody reads. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../bin/tessera.js', import.meta.url))

/** Requests whose lines fill the pipe and everything on its way several times. */
const requests = 3_000
const atOnce = 100
/** What a server may use that has nothing to do but to keep lines. */
const memoryMibMax = 250

test('a server whose log nobody reads serves on, and ends when it is told to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-blocked-'))
  const where = ['--data', folder, '--server-name', 'localhost', '--listen', '127.0.0.1:0', '--no-rate-limits']
  const child = spawn(process.execPath, [program, 'start', ...where], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const address = await new Promise<string>((resolve) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const found = /^ *Listens on +(http:\S+?),?(\s|$)/m.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  child.stdout.removeAllListeners('data').pause()
  const ask = async (): Promise<void> => {
    const response = await fetch(`${address}/_matrix/client/versions`)
    assert.equal(response.status, 200)
    await response.text()
  }
  for (let asked = 0; asked < requests; asked += atOnce) await Promise.all(Array.from({ length: atOnce }, ask))
  assert.ok(memoryMib(child.pid ?? 0) < memoryMibMax)
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(20_000) })
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

function memoryMib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
