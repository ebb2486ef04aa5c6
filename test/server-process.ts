/** A Tessera of one's own: the real program, started by its command line in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testDatabaseUrl, type Engine } from './databases.ts'

const program = fileURLToPath(new URL('../bin/tessera.js', import.meta.url))

/** Longest wait for the line that says where it listens; many tests may be starting at once. */
const startMsMax = 60_000
const stopMsMax = 10_000

/** Where a server keeps what it knows. The same place started again is the same server. */
export interface ServerPlace {
  readonly engine: Engine
  readonly folder: string
  /** Undefined for the database the program makes in its folder by itself. */
  readonly databaseUrl: string | undefined
}

/** A server that is up. */
export interface ServerProcess {
  /** Where it listens first, and everywhere. */
  readonly address: string
  readonly addresses: readonly string[]
  readonly pid: number
  /** All it has printed. */
  printed(): string
  /** SIGKILL: gives it no chance to do anything. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM, as an operator would; gives the exit code. Rejects when it does not end. */
  stop(): Promise<number | null>
  /** Resolves with the exit code when it has ended by itself. */
  readonly ended: Promise<number | null>
}

/** Starts the server of a place on a free port; resolves when it says where it listens. */
export async function startServer(place: ServerPlace, options: readonly string[] = []): Promise<ServerProcess> {
  const where = ['--data', place.folder, '--server-name', 'localhost', '--listen', '127.0.0.1:0']
  const database = place.databaseUrl === undefined ? [] : ['--database', place.databaseUrl]
  return startProgram(['start', ...where, ...database, '--registration', 'open', '--no-rate-limits', ...options])
}

/** Starts a server as it is typed; resolves when it says where it listens. `node` is the one to begin with. */
export async function startProgram(
  typed: readonly string[],
  {
    node = process.execPath,
    env = {},
  }: { readonly node?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  const child = spawn(node, [program, ...typed], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let text = ''
  const addresses = await new Promise<string[]>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the server ${why}; it printed:\n${text}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`did not listen within ${startMsMax} ms`)
    }, startMsMax)
    const read = (chunk: Buffer): void => {
      text += chunk.toString()
      const found = /^ *Listens on +(http.*)$/m.exec(text)?.[1]
      if (found === undefined || !/^ *Configuration/m.test(text)) return
      clearTimeout(timer)
      resolve(found.split(', '))
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const kill = async (): Promise<void> => {
    if (gone(child)) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const stop = async (): Promise<number | null> => {
    if (gone(child)) return child.exitCode
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(stopMsMax) })
    child.kill('SIGTERM')
    await ended
    return child.exitCode
  }
  return { address: addresses[0] ?? '', addresses, pid: child.pid ?? 0, printed: () => text, kill, stop, ended }
}

/** A new place on this engine, removed when the test ends. */
export async function serverPlace(t: TestContext, engine: Engine): Promise<ServerPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-server-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const databaseUrl = engine === 'sqlite' ? undefined : await testDatabaseUrl(t, { engine, migrated: false })
  return { engine, folder, databaseUrl }
}

/** A new server on this engine, stopped and removed when the test ends. */
export async function serverForTest(t: TestContext, engine: Engine): Promise<ServerProcess> {
  const started: ServerProcess[] = []
  // Registered before the place, so that it runs before the place is removed.
  t.after(() => Promise.all(started.map((server) => server.kill())))
  const server = await startServer(await serverPlace(t, engine))
  started.push(server)
  return server
}

function gone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
