import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { freePort } from './free-port.ts'
import { memoryMib } from './process-figures.ts'
import { Wire } from './wire.ts'

const program = fileURLToPath(new URL('../../bin/tessera.js', import.meta.url))
const profiles = fileURLToPath(new URL('../profiles', import.meta.url))
/** How long the server may take to answer for the first time. */
const startMsMax = 20_000
/** How long it rests before its idle memory is read. */
const restMs = 2_000

export interface ServerProcess {
  readonly url: string
  /** Where its metrics are, when they were asked for. */
  readonly metricsUrl: string
  readonly pid: number
  readonly startMs: number
  readonly idleMib: number
  stop(): Promise<void>
}

export interface ServerOptions {
  /** Another database than a fresh file of its own. */
  readonly database: string | undefined
  /** Keep a profile of where its time goes, in a folder or in bench/profiles, to be opened in the developer tools of a browser. */
  readonly profile: boolean | string
  /** Offer metrics, on a listener of their own. */
  readonly metrics?: boolean
  /** Address of a module that the process loads before the program. */
  readonly preload?: URL
}

/** Starts Tessera as a process of its own on a free port with fresh data. */
export async function startServer(given: ServerOptions): Promise<ServerProcess> {
  const { database, profile, metrics = false, preload } = given
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bench-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const metricsPort = await freePort()
  const listeners = [{ port }, ...(metrics ? [{ port: metricsPort, apis: ['metrics'] }] : [])]
  // YAML reads JSON.
  writeFileSync(join(folder, 'tessera.yaml'), JSON.stringify({ server_name: 'localhost', listeners }))
  const options = ['--data', folder, '--registration', 'open', '--no-rate-limits']
  if (database !== undefined) options.push('--database', database)
  const started = performance.now()
  const profileFolder = profile === true ? profiles : profile
  const flags = profileFolder === false ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  if (preload !== undefined) flags.push('--import', preload.href)
  const server = spawn(process.execPath, [...flags, program, 'start', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4_000)
  }
  server.stdout.on('data', listen)
  server.stderr.on('data', listen)
  const ended = once(server, 'exit')
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  while (!(await answers(url))) {
    if (server.exitCode === null && performance.now() - started < startMsMax) await delay(5)
    else {
      await stop()
      throw new Error(`the server did not start:\n${said}`)
    }
  }
  const startMs = performance.now() - started
  await delay(restMs)
  const pid = server.pid ?? 0
  return { url, metricsUrl: `http://127.0.0.1:${metricsPort}`, pid, startMs, idleMib: memoryMib(pid) ?? NaN, stop }
}

async function answers(url: string): Promise<boolean> {
  const wire = new Wire(url)
  try {
    return (await wire.request('GET', '/_matrix/client/versions')).status === 200
  } catch {
    return false
  } finally {
    wire.close()
  }
}
