import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { makeCertificate } from '../../test/certificates.ts'
import { startProgram, type ServerProcess } from '../../test/server-process.ts'

/** How long the server may take to say something. */
const sayMsMax = 20_000

interface Reloadable extends ServerProcess {
  readonly folder: string
  /** Changes the configuration, sends SIGHUP and waits until the server says `words`. */
  change(changes: object, words: string): Promise<void>
}

const base = {
  server_name: 'localhost',
  listeners: [{ port: 0 }],
  registration: { mode: 'open' },
  rate_limits: 'off',
}

/** A server as a process of its own, whose configuration the test changes. */
async function reloadable(t: TestContext, first: (folder: string) => object = () => ({})): Promise<Reloadable> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  let config: object = { ...base, ...first(folder) }
  // YAML reads JSON.
  const write = (): void => writeFileSync(join(folder, 'tessera.yaml'), JSON.stringify(config))
  write()
  const server = await startProgram(['start', '--data', folder])
  t.after(async () => {
    await server.kill()
    rmSync(folder, { recursive: true })
  })
  const change = async (changes: object, words: string): Promise<void> => {
    config = { ...config, ...changes }
    write()
    const before = server.printed().length
    process.kill(server.pid, 'SIGHUP')
    const deadline = performance.now() + sayMsMax
    while (!server.printed().slice(before).includes(words)) {
      assert.ok(performance.now() < deadline, `never said "${words}":\n${server.printed()}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { ...server, folder, change }
}

async function register(server: ServerProcess, username: string): Promise<number> {
  const body = JSON.stringify({ username, password: 'correct horse', auth: { type: 'm.login.dummy' } })
  return (await fetch(`${server.address}/_matrix/client/v3/register`, { method: 'POST', body })).status
}

test('SIGHUP changes what the log tells', async (t) => {
  const server = await reloadable(t)
  await server.change({ log: { level: 'error' } }, 'The log tells what is error and worse.')
  const before = server.printed()
  await fetch(`${server.address}/_matrix/client/versions`)
  await server.change({ log: { level: 'info' } }, 'The log tells what is info and worse.')
  assert.doesNotMatch(server.printed().slice(before.length), /client\/versions/)
})

test('SIGHUP closes registration and opens it again', async (t) => {
  const server = await reloadable(t)
  assert.equal(await register(server, 'ann'), 200)
  await server.change({ registration: { mode: 'closed' } }, 'Registration is closed.')
  assert.equal(await register(server, 'ben'), 403)
  await server.change({ registration: { mode: 'open' } }, 'Registration is open.')
  assert.equal(await register(server, 'ben'), 200)
})

test('SIGHUP lets scripts register with a shared secret, which it does not tell', async (t) => {
  const server = await reloadable(t)
  const nonce = async (): Promise<number> => (await fetch(`${server.address}/_synapse/admin/v1/register`)).status
  assert.equal(await nonce(), 400)
  const secret = 'a secret that is long enough'
  await server.change({ registration: { mode: 'open', shared_secret: secret } }, 'The shared secret of registration')
  assert.equal(await nonce(), 200)
  assert.ok(!server.printed().includes(secret))
})

test('SIGHUP changes rate limits', async (t) => {
  const server = await reloadable(t)
  const limited = { registration: { per_second: 0.001, burst: 1 } }
  await server.change({ rate_limits: limited }, 'The rate limits are those of the file.')
  assert.equal(await register(server, 'ann'), 200)
  assert.equal(await register(server, 'ben'), 429)
  await server.change({ rate_limits: 'off' }, 'The rate limits are those of the file.')
  assert.equal(await register(server, 'ben'), 200)
})

/** The name on the certificate that connections to a server are given now. */
async function nameServed(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { CN: name } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(name)
}

test('SIGHUP serves a renewed certificate, and one that does not fit its key changes nothing at all', async (t) => {
  const server = await reloadable(t, (folder) => {
    const tls = makeCertificate(folder, 'first')
    return { listeners: [{ port: 0 }, { port: 0, address: 'localhost', tls }] }
  })
  const port = Number(new URL(server.addresses[1] ?? '').port)
  assert.equal(await nameServed(port), 'first')
  const file = join(server.folder, 'first.crt')
  const renewed = makeCertificate(server.folder, 'second')
  copyFileSync(renewed.certificate, file)
  await server.change({ registration: { mode: 'closed' } }, `first.key cannot be used together`)
  assert.equal(await nameServed(port), 'first')
  assert.notEqual(await register(server, 'ann'), 403)
  copyFileSync(renewed.key, join(server.folder, 'first.key'))
  await server.change({}, `The certificate ${file} was read again.`)
  assert.equal(await nameServed(port), 'second')
})

test('SIGHUP says of what changed that it waits for the next start, each time', async (t) => {
  const server = await reloadable(t)
  const changes = {
    listeners: [{ port: 0, apis: ['client', 'metrics'] }],
    log: { format: 'text', slow_query_ms: 7 },
    public_address: 'https://matrix.example.org',
    tracing: { endpoint: 'http://localhost:4318/v1/traces' },
  }
  const words = 'What changed in public_address, tracing, listeners, log.slow_query_ms waits for the next start.'
  await server.change(changes, words)
  await server.change({}, words)
})

test('SIGHUP leaves a broken configuration alone, names all that is wrong with it, and takes the next good one', async (t) => {
  const server = await reloadable(t)
  const broken = { nonsense: 1, log: { level: 'loud' }, registration: { mode: 'closed' } }
  await server.change(broken, 'the one before stays in force')
  assert.match(server.printed(), /nonsense [^]*log\.level /)
  assert.equal(await register(server, 'ann'), 200)
  await server.change({ nonsense: undefined, log: { level: 'info' } }, 'Registration is closed.')
  await server.change({}, 'Nothing has changed.')
  assert.equal(await server.stop(), 0)
})
