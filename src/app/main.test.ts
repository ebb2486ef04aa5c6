import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../bin/tessera.js', import.meta.url))
/** How long a start may take on a machine that does many other things. */
const startMsMax = 30_000

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly complaints: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with everything printed so far, once `pattern` is in it. */
  printed(pattern: RegExp): Promise<string>
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tessera-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function tessera(t: TestContext, typed: readonly string[], input = ''): Running {
  const child = spawn(process.execPath, [program, ...typed], { stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  let complaints = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString()
    for (const look of waiting) look()
  })
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, out, complaints }))
  const printed = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(out)) return
        waiting.delete(look)
        clearTimeout(limit)
        resolve(out)
      }
      const limit = setTimeout(() => reject(new Error(`never printed ${pattern}: ${out}${complaints}`)), startMsMax)
      waiting.add(look)
      void ended.then(() => reject(new Error(`ended before it printed ${pattern}: ${out}${complaints}`)))
      look()
    })
  return { child, ended, printed }
}

/** Starts a server on a free port and waits until it listens; gives its address. */
async function startServer(t: TestContext, data: string): Promise<Running & { readonly address: string }> {
  const running = tessera(t, ['start', '--data', data, '--listen', '127.0.0.1:0'])
  const out = await running.printed(/Listens on +http\S+[^]*\n.*\n.*\n/)
  return { ...running, address: /Listens on +(\S+)/.exec(out)?.[1] ?? '' }
}

test('without a command, and when asked, the program says what it can do', async (t) => {
  for (const typed of [[], ['--help']]) {
    const { code, out } = await tessera(t, typed).ended
    assert.equal(code, 0)
    assert.match(out, /start[^]*config check[^]*doctor/)
  }
})

test('every command has its own help', async (t) => {
  for (const name of [
    'start',
    'config check',
    'config sample',
    'user create',
    'user password',
    'user token',
    'doctor',
  ]) {
    const { code, out } = await tessera(t, [...name.split(' '), '--help']).ended
    assert.equal(code, 0)
    assert.ok(out.includes(`tessera ${name}`))
  }
})

test('what is not typed right ends with 2 and one line', async (t) => {
  const wrong = [['dance'], ['start', '--fast'], ['start', 'now'], ['start', '--listen', 'here'], ['user', 'create']]
  for (const typed of wrong) {
    const { code, complaints } = await tessera(t, [...typed, '--data', folder(t)]).ended
    assert.equal(code, 2, typed.join(' '))
    assert.match(complaints, /^tessera: .+\n/)
  }
})

test('version says the version', async (t) => {
  assert.match((await tessera(t, ['version']).ended).out, /^tessera \d+\.\d+\.\d+ \(Node\.js 2\d/)
})

test('the sample passes the check; a file with slips fails it with every slip named', async (t) => {
  const data = folder(t)
  const file = join(data, 'tessera.yaml')
  writeFileSync(file, (await tessera(t, ['config', 'sample']).ended).out)
  assert.equal((await tessera(t, ['config', 'check', '--config', file]).ended).code, 0)
  writeFileSync(file, 'server_name: example.org\nlisteners: [{ prot: 1 }]\nlog: { level: loud }\n')
  const { code, complaints } = await tessera(t, ['config', 'check', '--data', data]).ended
  assert.equal(code, 1)
  assert.match(complaints, /did you mean port\?\n[^]*log\.level/)
  assert.equal(complaints.trim().split('\n').length, 2)
})

test('a start without a folder makes one; a second start keeps everything and says so', async (t) => {
  const data = join(folder(t), 'new', 'data')
  const first = await startServer(t, data)
  const said = await first.printed(/works once:\n {2}\S+\n/)
  assert.match(said, /made just now/)
  assert.equal((await fetch(`${first.address}/_matrix/client/versions`)).status, 200)
  first.child.kill('SIGTERM')
  assert.equal((await first.ended).code, 0)
  const key = readFileSync(join(data, 'signing.key'), 'utf8')
  assert.equal(statSync(join(data, 'signing.key')).mode & 0o777, 0o600)
  const second = await startServer(t, data)
  assert.match(await second.printed(/works once:\n {2}\S+\n/), /kept from before/)
  assert.equal(readFileSync(join(data, 'signing.key'), 'utf8'), key)
  second.child.kill('SIGINT')
  assert.equal((await second.ended).code, 0)
})

test('a second process on the same data is refused in one line and the first goes on', async (t) => {
  const data = folder(t)
  const first = await startServer(t, data)
  const second = await tessera(t, ['start', '--data', data]).ended
  assert.equal(second.code, 1)
  assert.match(second.complaints, /^Database: .*in use by another process.*\n$/)
  assert.equal((await fetch(`${first.address}/_matrix/client/versions`)).status, 200)
})

test('a port in use is said in one line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { code, complaints } = await tessera(t, ['start', '--data', folder(t), '--listen', `127.0.0.1:${port}`]).ended
  assert.equal(code, 1)
  assert.match(complaints, /^Cannot listen on 127\.0\.0\.1:\d+: another program uses this port\..*\n$/)
})

test('a folder that cannot be written is said in one line', async (t) => {
  const file = join(folder(t), 'a-file')
  writeFileSync(file, '')
  for (const data of [file, join(file, 'below'), '/proc/tessera']) {
    const { code, complaints } = await tessera(t, ['start', '--data', data]).ended
    assert.equal(code, 1)
    assert.match(complaints, /^\S+: .*\n$/)
  }
})

test('accounts are made while the server runs, and when it does not', async (t) => {
  const data = folder(t)
  const login = async (address: string, user: string, password: string): Promise<number> => {
    const identifier = { type: 'm.id.user', user }
    const body = JSON.stringify({ type: 'm.login.password', identifier, password })
    return (await fetch(`${address}/_matrix/client/v3/login`, { method: 'POST', body })).status
  }
  const server = await startServer(t, data)
  const ann = await tessera(t, ['user', 'create', 'ann', '--admin', '--data', data], 'correct horse\n').ended
  assert.deepEqual([ann.code, ann.out], [0, '@ann:localhost has an account now.\n'])
  assert.equal(await login(server.address, 'ann', 'correct horse'), 200)
  const again = await tessera(t, ['user', 'create', 'ann', '--data', data], 'correct horse\n').ended
  assert.equal(again.code, 1)
  assert.match((await tessera(t, ['user', 'token', '--data', data]).ended).out, /^[\w-]+\n$/)
  const looked = await tessera(t, ['doctor', '--data', data]).ended
  assert.equal(looked.code, 0, looked.out)
  assert.ok(looked.out.includes(`The server runs and answers at http://localhost:${new URL(server.address).port}.`))
  const usage = await tessera(t, ['database', 'usage', '--data', data]).ended
  assert.equal(usage.code, 0, usage.complaints)
  assert.match(usage.out, /all +\d+ KiB\n.*events +\d+ KiB/s)
  assert.equal(
    (await tessera(t, ['database', 'check', '--data', data]).ended).out,
    '0 rooms were looked at; 0 faults were found.\n',
  )
  server.child.kill('SIGTERM')
  await server.ended
  const changed = await tessera(t, ['user', 'password', 'ann', '--data', data], 'battery staple\n').ended
  assert.equal(changed.code, 0, changed.complaints)
  assert.match((await tessera(t, ['doctor', '--data', data]).ended).out, /^note +The server does not run/m)
  const restarted = await startServer(t, data)
  assert.equal(await login(restarted.address, 'ann', 'battery staple'), 200)
  assert.equal(await login(restarted.address, 'ann', 'correct horse'), 403)
})
