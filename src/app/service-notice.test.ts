import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startProgram, type ServerProcess } from '../../test/server-process.ts'

const receiver = fileURLToPath(new URL('../../test/notify-receiver.py', import.meta.url))
/** How long a notice may take to come. */
const noticeMsMax = 20_000
/** What systemd would want to hear within this time, in microseconds. */
const watchdogMicros = '400000'
const systemNode = '/usr/bin/node'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An executable shell script. */
function script(folder: string, name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return file
}

async function until(holds: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + noticeMsMax
  while (!holds()) {
    assert.ok(performance.now() < deadline, `never so: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function start(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  node = process.execPath,
): Promise<ServerProcess> {
  const typed = ['start', '--data', join(folderOf(t), 'data'), '--listen', '127.0.0.1:0']
  const server = await startProgram(typed, { node, env: { NOTIFY_SOCKET: '/nowhere', ...env } })
  t.after(() => server.kill())
  return server
}

/** Ready once, then alive again and again, then about to stop. Gives the process that said it was the server. */
async function lives(server: ServerProcess, heard: () => string): Promise<number> {
  await until(() => (heard().match(/WATCHDOG=1/g)?.length ?? 0) >= 2, heard)
  assert.equal(await server.stop(), 0)
  await until(() => heard().includes('STOPPING=1'), heard)
  assert.match(heard(), /^READY=1 MAINPID=\d+\n(WATCHDOG=1\n)+STOPPING=1\n(WATCHDOG=1\n)?$/)
  return Number(/MAINPID=(\d+)/.exec(heard())?.[1])
}

/** A stand-in for systemd's own program, first in the path; what it is told. */
function standIn(t: TestContext): { readonly PATH: string; readonly heard: () => string } {
  const folder = folderOf(t)
  const file = join(folder, 'heard')
  script(folder, 'systemd-notify', `echo "$*" >> ${file}`)
  const heard = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  return { PATH: `${folder}:${process.env['PATH']}`, heard }
}

test('systemd hears that the server is ready, that it lives as often as it asks, and that it stops', async (t) => {
  const { PATH, heard } = standIn(t)
  const server = await start(t, { PATH, WATCHDOG_USEC: watchdogMicros })
  assert.equal(await lives(server, heard), server.pid)
})

test('a watchdog that is meant for another process is not fed', async (t) => {
  const { PATH, heard } = standIn(t)
  const server = await start(t, { PATH, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' })
  assert.equal(await server.stop(), 0)
  assert.match(heard(), /^READY=1 MAINPID=\d+\nSTOPPING=1\n$/)
})

const olderNode = Number(/^v(\d+)/.exec(spawnSync(systemNode, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1])

test(
  'started by an older Node.js, the process that serves is the one that systemd watches',
  { skip: olderNode < 24 ? false : `${systemNode} is no older Node.js` },
  async (t) => {
    const { PATH, heard } = standIn(t)
    // systemd names the process that it starts.
    const node = script(folderOf(t), 'node', `WATCHDOG_PID=$$ exec ${systemNode} "$@"`)
    const server = await start(t, { PATH, WATCHDOG_USEC: watchdogMicros }, node)
    assert.notEqual(await lives(server, heard), server.pid)
  },
)

const missing = ['systemd-notify', 'python3'].find((name) => spawnSync(name, ['--version']).error !== undefined)

test(
  'the notices arrive on the socket that systemd listens on',
  { skip: missing === undefined ? false : `the program ${missing} is missing` },
  async (t) => {
    const socket = join(folderOf(t), 'notify')
    const listening = spawn('python3', [receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => listening.kill('SIGKILL'))
    let text = ''
    listening.stdout.on('data', (data: Buffer) => (text += data.toString()))
    await until(
      () => text.startsWith('listening\n'),
      () => text,
    )
    const server = await start(t, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogMicros })
    // What systemd-notify itself adds, so that nothing is lost, says nothing.
    const heard = (): string => text.replace('listening\n', '').replaceAll('BARRIER=1\n', '')
    assert.equal(await lives(server, heard), server.pid)
  },
)
