import { createHash, randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import pg from 'pg'

import { silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import { migrations } from '#storage/migrations.ts'

import { programsPackage } from './postgres-programs.ts'

/** How long the shared server may take to start. */
const startMsMax = 60_000
/** Time after which a server that has not ended by itself is taken for started, and time between looks for it. */
const startedMs = 700
const retryMs = 100
/** The lock under which a template is made; any number that nobody else takes. */
const templateLock = 7_355_608

/** Why PostgreSQL cannot be had here, or undefined. */
export function postgresMissing(): string | undefined {
  if (process.env['TESSERA_TEST_POSTGRES'] !== undefined) return undefined
  try {
    import.meta.resolve(programsPackage())
    return undefined
  } catch {
    return 'neither TESSERA_TEST_POSTGRES nor a build of PostgreSQL for this kind of machine on npm is there'
  }
}

export interface PostgresTestDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** Makes a database of its own on the test server; `migrated` ones are copies of a template, which takes milliseconds. */
export async function createPostgresDatabase(options: { readonly migrated: boolean }): Promise<PostgresTestDatabase> {
  const server = await serverUrl()
  const name = `tessera_test_${process.pid}_${randomBytes(6).toString('hex')}`
  await withAdmin(server, async (admin) => {
    const template = options.migrated ? await migratedTemplate(admin, server) : 'template0'
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  })
  const drop = (): Promise<void> =>
    withAdmin(server, async (admin) => {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    })
  return { url: databaseUrl(server, name), drop }
}

function databaseUrl(server: string, name: string): string {
  return server.replace(/^([^?]*\/)[^/?]*(\?.*)?$/, `$1${name}$2`)
}

async function withAdmin<T>(server: string, fn: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  try {
    return await fn(admin)
  } finally {
    await admin.end()
  }
}

/** The name of a database with exactly the program's migrations, made when it is not there. */
async function migratedTemplate(admin: pg.Client, server: string): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16)
  const name = `tessera_template_${digest}`
  const exists = async (): Promise<boolean> =>
    (await admin.query(`SELECT 1 FROM pg_database WHERE datname = $1`, [name])).rowCount === 1
  if (await exists()) return name
  await admin.query(`SELECT pg_advisory_lock($1)`, [templateLock])
  try {
    if (await exists()) return name
    // Renamed when complete: a run that was killed half-way leaves no half template.
    await admin.query(`DROP DATABASE IF EXISTS ${name}_new WITH (FORCE)`)
    await admin.query(`CREATE DATABASE ${name}_new TEMPLATE template0`)
    const database = await openDatabase({
      url: databaseUrl(server, `${name}_new`),
      poolSize: 1,
      logger: silentLogger,
    })
    await migrate(database).finally(() => database.close())
    await admin.query(`ALTER DATABASE ${name}_new RENAME TO ${name}`)
  } finally {
    await admin.query(`SELECT pg_advisory_unlock($1)`, [templateLock])
  }
  return name
}

let shared: Promise<string> | undefined

function serverUrl(): Promise<string> {
  const given = process.env['TESSERA_TEST_POSTGRES']
  if (given !== undefined) return Promise.resolve(given)
  shared ??= sharedServer()
  return shared
}

/** Address of the server that all test processes of this user share; started when none is running. */
async function sharedServer(): Promise<string> {
  const folder = join(tmpdir(), `tessera-pg-${userInfo().uid}`)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const deadline = performance.now() + startMsMax
  while (performance.now() < deadline) {
    const socket = await connectTo(join(folder, 'control'))
    const answer = socket === undefined ? undefined : await firstLine(socket)
    if (answer?.url !== undefined) return answer.url
    if (answer?.error !== undefined) throw new Error(`the test server of PostgreSQL did not start: ${answer.error}`)
    if (socket === undefined) await startServer(folder)
    await delay(retryMs)
  }
  throw new Error(`the test server of PostgreSQL did not start in time: see ${join(folder, 'log')}`)
}

/** Another process may be starting one already: then this one ends at once, and well. */
async function startServer(folder: string): Promise<void> {
  const log = openSync(join(folder, 'log'), 'a')
  const program = fileURLToPath(new URL('postgres-server.ts', import.meta.url))
  const server = spawn(process.execPath, [program, folder], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: folder,
  })
  closeSync(log)
  const ended = once(server, 'exit') as Promise<[code: number | null]>
  const [code] = await Promise.race([ended, delay(startedMs, [0] as const)])
  server.unref()
  if (code !== 0) throw new Error(`the test server of PostgreSQL did not start: see ${join(folder, 'log')}`)
}

/** The open socket keeps the server alive as long as this process lives, and does not keep this process alive. */
function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

function firstLine(socket: Socket): Promise<{ url?: string; error?: string } | undefined> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (!text.endsWith('\n')) return
      socket.unref()
      resolve(JSON.parse(text) as { url?: string; error?: string })
    })
  })
}
