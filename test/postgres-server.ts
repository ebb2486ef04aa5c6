/**
 * The PostgreSQL server that tests share: run as a process of its own by the first test process that needs it
 * (`test/postgres.ts`), used by all others, gone a few seconds after the last of them. A test process holds a connection
 * to the control socket for as long as it lives, so a crash counts as an end; a crash of this process is cleaned up by
 * the next one.
 */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { postgresUrl, startPostgres } from './postgres-programs.ts'

/** How long the server outlives its last user. */
const lingerMs = 10_000
/** Enough for the pools of all test processes of a few runs at once. */
const connectionsMax = 400

const folder = process.argv[2] ?? ''
const lock = new DatabaseSync(join(folder, 'lock'))
try {
  lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
} catch {
  process.exit(0) // Another process is serving or starting.
}
endLeftovers()

const own = `data-${process.pid}`
const data = join(folder, own)
const settings = [
  'listen_addresses=',
  `max_connections=${connectionsMax}`,
  'shared_buffers=64MB',
  // Tests need no durability against a power cut.
  'fsync=off',
  'full_page_writes=off',
]
const url = postgresUrl(data)
const started = startPostgres(data, settings)
// Whoever asks is told why it failed.
started.catch(() => undefined)
let users = 0
let ending = setTimeout(end, lingerMs * 6)

const control = createServer((socket: Socket) => {
  users += 1
  clearTimeout(ending)
  socket.on('error', () => socket.destroy())
  socket.on('data', () => undefined)
  socket.on('close', () => {
    users -= 1
    if (users === 0) ending = setTimeout(end, lingerMs)
  })
  void started.then(
    () => socket.write(`${JSON.stringify({ url })}\n`),
    (error: unknown) => socket.end(`${JSON.stringify({ error: String(error) })}\n`, () => void end()),
  )
})
control.listen(join(folder, 'control'))
process.on('SIGINT', () => void end())
process.on('SIGTERM', () => void end())

async function end(): Promise<void> {
  control.close()
  const server = await started.catch(() => undefined)
  if (server?.exitCode === null) {
    server.kill('SIGINT')
    await once(server, 'exit')
  }
  // Only our own: whoever holds the lock by then sees to the rest.
  for (const name of leftovers().filter((entry) => entry.startsWith(own)))
    rmSync(join(folder, name), { recursive: true, force: true })
  // Named here so that it is held until now: what nobody names is collected, and the lock with it.
  lock.close()
  process.exit(0)
}

/** Stops and removes what a predecessor that was killed has left. */
function endLeftovers(): void {
  rmSync(join(folder, 'control'), { force: true })
  for (const name of leftovers()) {
    const pidFile = join(folder, name, 'postmaster.pid')
    if (existsSync(pidFile)) stopQuietly(Number(readFileSync(pidFile, 'utf8').split('\n', 1)[0]))
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function leftovers(): string[] {
  return readdirSync(folder).filter((entry) => entry.startsWith('data-'))
}

function stopQuietly(pid: number): void {
  // The number may belong to another program by now.
  if (!isPostgres(pid)) return
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    return
  }
}

function isPostgres(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres')
  } catch {
    return false
  }
}
