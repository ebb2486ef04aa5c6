import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { buildConnector } from 'undici'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { makeCertificate } from '../../../test/certificates.ts'
import { createPostgresDatabase, postgresMissing } from '../../../test/postgres.ts'
import { checkConfig, type RawConfig } from '../config.ts'
import { openHomeserver, type Homeserver } from '../homeserver.ts'
import type { Patient } from './check.ts'
import { examine, type Finding } from './examine.ts'
import { Outside, type Place } from './outside.ts'

const publicAddress = 'https://matrix.example.org'
const clientWellKnown = 'https://example.org/.well-known/matrix/client'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Page {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

interface WorldOptions {
  /** Pages by their whole address. Hosts without any do not answer. */
  readonly pages?: Readonly<Record<string, Page>>
  readonly services?: Readonly<Record<string, Place>>
  /** Hosts whose certificate nobody has reason to believe. */
  readonly unbelieved?: readonly string[]
  /** Days for which certificates are good. */
  readonly days?: number
}

/** A world of real servers, each with a certificate of its own, to which the names of the pages lead. */
async function world(t: TestContext, options: WorldOptions): Promise<Outside> {
  const { pages = {}, services = {}, unbelieved = [], days = 30 } = options
  const folder = folderOf(t)
  const ports = new Map<string, number>()
  const believed: string[] = []
  for (const host of new Set(Object.keys(pages).map((url) => new URL(url).host))) {
    const files = makeCertificate(folder, host.replace(/:\d+$/, ''), days)
    const cert = readFileSync(files.certificate, 'utf8')
    if (!unbelieved.includes(host)) believed.push(cert)
    const server = createServer({ cert, key: readFileSync(files.key) }, (request, response) => {
      const page = pages[`https://${host}${request.url}`] ?? { status: 404, body: {} }
      const text = typeof page.body === 'string' ? page.body : JSON.stringify(page.body)
      response.writeHead(page.status ?? 200, page.headers).end(text)
    })
    ports.set(host.includes(':') ? host : `${host}:443`, await listen(t, server))
  }
  const connectLocally = buildConnector({ ca: believed })
  return new Outside({
    connect: (wanted, callback) => {
      const port = ports.get(`${wanted.hostname}:${wanted.port === '' ? 443 : wanted.port}`)
      if (port === undefined) return callback(new Error('connection refused'), null)
      const servername = wanted.servername ?? wanted.hostname
      return connectLocally({ ...wanted, hostname: '127.0.0.1', port: String(port), servername }, callback)
    },
    services: (name) => Promise.resolve(services[name] === undefined ? [] : [services[name]]),
  })
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface House {
  readonly homeserver: Homeserver
  readonly folder: string
  readonly raw: RawConfig
}

/** A homeserver called example.org that runs. */
async function house(t: TestContext, settings: RawConfig = {}): Promise<House> {
  const folder = folderOf(t)
  const raw = { server_name: 'example.org', public_address: publicAddress, listeners: [{ port: 0 }], ...settings }
  const homeserver = await openHomeserver(checkConfig(raw, folder), silentLogger)
  t.after(() => homeserver.close())
  writeFileSync(join(folder, 'tessera.yaml'), JSON.stringify(raw), { mode: 0o600 })
  return { homeserver, folder, raw }
}

/** What the world shows when everything is as it should be: the homeserver's own answers, passed on. */
async function passedOn({ homeserver }: House): Promise<Readonly<Record<string, Page>>> {
  const page = async (path: string): Promise<Page> => {
    const response = await fetch(`${homeserver.addresses[0]}${path}`)
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
  }
  return {
    [`${publicAddress}/_matrix/client/versions`]: await page('/_matrix/client/versions'),
    [clientWellKnown]: await page('/.well-known/matrix/client'),
  }
}

async function findings(folder: string, raw: RawConfig, patient: Partial<Patient>): Promise<Finding[]> {
  const found: Finding[] = []
  const all: Patient = {
    config: checkConfig(raw, folder),
    configFile: join(folder, 'tessera.yaml'),
    running: undefined,
    clock: systemClock,
    outside: new Outside({ connect: (_wanted, callback) => callback(new Error('no network'), null) }),
    clocks: [],
    ...patient,
  }
  for await (const finding of examine(all)) found.push(finding)
  return found
}

function wrongs(found: readonly Finding[]): string {
  return found
    .filter(({ verdict }) => verdict === 'wrong')
    .map(({ text }) => text)
    .join('\n')
}

test('a sound installation is fine in everything, and what other servers would find is said', async (t) => {
  const sound = await house(t)
  const outside = await world(t, { pages: await passedOn(sound) })
  const found = await findings(sound.folder, sound.raw, { outside, running: { publicAddress } })
  assert.equal(wrongs(found), '')
  const notes = found.filter(({ verdict }) => verdict === 'note')
  assert.equal(notes.length, 1)
  assert.match(
    notes[0]?.text ?? '',
    /^Other servers would call example\.org:8448 for example\.org .*does not answer.*nothing has to/,
  )
  const text = found.map((each) => each.text).join('\n')
  assert.match(text, /The database \(SQLite [\d.]+\) opens, is whole and is of this version/)
  assert.match(text, /answers at https:\/\/matrix\.example\.org, with a certificate that is good for 29 days/)
  assert.match(text, /example\.org leads clients to https:\/\/matrix\.example\.org, with a cert/)
  assert.match(
    text,
    /clock of this machine agrees with that of https:\/\/matrix\.example\.org and of https:\/\/example\.org/,
  )
})

const faults: readonly (readonly [string, RegExp, (pages: Readonly<Record<string, Page>>) => WorldOptions])[] = [
  [
    'nobody answers at the public address',
    /matrix\.example\.org.*does not answer \(connection refused\).*public_address/,
    () => ({}),
  ],
  [
    'a proxy answers in place of the server',
    /versions answers 502/,
    (pages) => ({ pages: { ...pages, [`${publicAddress}/_matrix/client/versions`]: { status: 502, body: '' } } }),
  ],
  [
    'another program answers at the public address',
    /something else answers at/,
    (pages) => ({ pages: { ...pages, [`${publicAddress}/_matrix/client/versions`]: { body: '<html>' } } }),
  ],
  [
    'the public certificate is believed by nobody',
    /matrix\.example\.org.*does not answer \(self-signed certificate.*public_address/,
    (pages) => ({ pages, unbelieved: ['matrix.example.org'] }),
  ],
  [
    'the public certificate ends soon',
    /The certificate of https:\/\/matrix\.example\.org ends in 2 days: renew it/,
    (pages) => ({ pages, days: 3 }),
  ],
  [
    'the well-known address leads elsewhere',
    /leads to https:\/\/other\.org\/\. Let .* answer/,
    (pages) => ({
      pages: { ...pages, [clientWellKnown]: { body: { 'm.homeserver': { base_url: 'https://other.org/' } } } },
    }),
  ],
  [
    'the well-known address has nothing',
    /matrix\/client answers 404\. Let .* answer \{"m\.homeserver": \{"base_url": "https:\/\/matrix\.example\.org"\}\}/,
    (pages) => ({ pages: { ...pages, [clientWellKnown]: { status: 404, body: '' } } }),
  ],
  [
    'browsers may not read the well-known address',
    /Clients in a browser may not read .*Access-Control-Allow-Origin: \*/,
    (pages) => ({ pages: { ...pages, [clientWellKnown]: { body: pages[clientWellKnown]?.body } } }),
  ],
  [
    'the clock of the public address is another',
    /that of https:\/\/matrix\.example\.org is \d{3,} s ahead of it.*set from the network/,
    (pages) => {
      const date = new Date(Date.now() + 600_000).toUTCString()
      const url = `${publicAddress}/_matrix/client/versions`
      return { pages: { ...pages, [url]: { body: pages[url]?.body, headers: { date } } } }
    },
  ],
  [
    'another homeserver has the name',
    /Other servers find Synapse 1\.163\.0 at example\.org:8448 .*another homeserver has this name/,
    (pages) => {
      const url = 'https://example.org:8448/_matrix/federation/v1/version'
      return { pages: { ...pages, [url]: { body: { server: { name: 'Synapse', version: '1.163.0' } } } } }
    },
  ],
]

for (const [name, says, options] of faults) {
  test(`the doctor says so when ${name}`, async (t) => {
    const sound = await house(t)
    const outside = await world(t, options(await passedOn(sound)))
    assert.match(wrongs(await findings(sound.folder, sound.raw, { outside, running: { publicAddress } })), says)
  })
}

test('a PostgreSQL that a server has is looked at too, and its clock is compared', async (t) => {
  const missing = postgresMissing()
  if (missing !== undefined) {
    t.skip(missing)
    return
  }
  const { url, drop } = await createPostgresDatabase({ migrated: false })
  t.after(drop)
  const sound = await house(t, { database: { url, pool_size: 4 } })
  const outside = await world(t, { pages: await passedOn(sound) })
  const clock = { ...systemClock, now: () => Date.now() - 60_000 }
  const told = wrongs(await findings(sound.folder, sound.raw, { outside, clock, running: { publicAddress } }))
  // The server that tests share does without fsync, since nothing of theirs has to outlive a power cut.
  assert.match(told, /^The database \(PostgreSQL \d+\.\d+.*\): fsync is off: .* Set fsync = on/)
  assert.match(told, /that of the database is \d\d s ahead of it/)
})

const wellKnownServer = 'https://example.org/.well-known/matrix/server'
const delegating = (name: string): WorldOptions => ({ pages: { [wellKnownServer]: { body: { 'm.server': name } } } })
const service = { host: 'fed.example.net', port: 4_443 }

const ways: readonly (readonly [string, string, RegExp, WorldOptions])[] = [
  ['an address', '203.0.113.5', /call 203\.0\.113\.5:8448 .*the address is its name/, {}],
  ['a name with a port', 'example.org:1234', /call example\.org:1234 .*its name says the port/, {}],
  [
    'a well-known name with a port',
    'example.org',
    /call m\.example\.org:443 .*names m\.example\.org:443/,
    delegating('m.example.org:443'),
  ],
  [
    'a well-known address that is somewhere else',
    'example.org',
    /call m\.example\.org:443 /,
    {
      pages: {
        [wellKnownServer]: { status: 301, headers: { location: 'https://www.example.org/server' }, body: '' },
        'https://www.example.org/server': { body: { 'm.server': 'm.example.org:443' } },
      },
    },
  ],
  ['a well-known number', 'example.org', /call \[2001:db8::1\]:8448 /, delegating('[2001:db8::1]')],
  [
    'the SRV record of a well-known name',
    'example.org',
    /call fed\.example\.net:4443 .*SRV record _matrix-fed\._tcp\.m\.example\.org/,
    { ...delegating('m.example.org'), services: { '_matrix-fed._tcp.m.example.org': service } },
  ],
  ['a well-known name alone', 'example.org', /call m\.example\.org:8448 /, delegating('m.example.org')],
  ['a well-known name that is none', 'example.org', /call example\.org:8448 .*names no server/, delegating('no name')],
  [
    'an SRV record of its own',
    'example.org',
    /call fed\.example\.net:4443 .*_matrix-fed\._tcp\.example\.org/,
    { services: { '_matrix-fed._tcp.example.org': service, '_matrix._tcp.example.org': { host: 'old', port: 1 } } },
  ],
  [
    'an SRV record of old',
    'example.org',
    /call old:1 .*_matrix\._tcp/,
    { services: { '_matrix._tcp.example.org': { host: 'old', port: 1 } } },
  ],
]

for (const [name, serverName, says, options] of ways) {
  test(`other servers find a server by ${name}`, async (t) => {
    const outside = await world(t, options)
    const found = await findings(folderOf(t), { server_name: serverName }, { outside })
    assert.match(found.find(({ text }) => text.startsWith('Other servers would call'))?.text ?? '', says)
  })
}

test('DNS that does not answer is a note, not a fault', async (t) => {
  const outside = new Outside({
    connect: (_wanted, callback) => callback(new Error('no network'), null),
    services: () => Promise.reject(new Error('queryA ETIMEOUT')),
  })
  const found = await findings(folderOf(t), { server_name: 'example.org' }, { outside })
  assert.ok(
    found.some(({ verdict, text }) => verdict === 'note' && text.includes('DNS does not answer (queryA ETIMEOUT)')),
  )
})

test('a server that never ran is looked at without making anything of it', async (t) => {
  const folder = folderOf(t)
  const found = await findings(folder, { server_name: 'example.org' }, {})
  assert.equal(wrongs(found), '')
  const notes = found.filter(({ verdict }) => verdict === 'note').map(({ text }) => text)
  for (const words of ['no signing key', 'no database', 'does not run'])
    assert.ok(
      notes.some((text) => text.includes(words)),
      words,
    )
  for (const name of ['signing.key', 'homeserver.db']) assert.ok(!existsSync(join(folder, name)), name)
})

test('what others on the machine can read and should not is named, with what to do', async (t) => {
  const { folder } = await house(t)
  const raw = { server_name: 'example.org', registration: { shared_secret: 'long enough to be one' } }
  for (const name of ['tessera.yaml', 'signing.key', 'homeserver.db']) chmodSync(join(folder, name), 0o644)
  chmodSync(folder, 0o755)
  const told = wrongs(await findings(folder, raw, {}))
  assert.match(told, /tessera\.yaml can be read by others: chmod 600/)
  assert.match(told, /signing\.key can be read by others: chmod 600/)
  assert.match(told, /homeserver\.db can be read by others: chmod 700/)
  assert.equal(statSync(join(folder, 'signing.key')).mode & 0o777, 0o644)
})

test('a certificate that ends, is another one’s, is for another name or open to all is named, with what to do', async (t) => {
  const folder = folderOf(t)
  const told = async (tls: { certificate: string; key: string }): Promise<string> =>
    wrongs(await findings(folder, { server_name: 'example.org', listeners: [{ tls }] }, {}))
  const good = makeCertificate(folder, 'example.org')
  assert.equal(await told(good), '')
  const soon = makeCertificate(folder, 'example.org-soon', 5)
  assert.match(await told(soon), /example\.org-soon\.crt ends in 4 days: renew it, then send the server SIGHUP/)
  assert.match(await told({ certificate: good.certificate, key: soon.key }), /is not the key of/)
  assert.match(await told(makeCertificate(folder, 'other.org')), /other\.org\.crt is not for example\.org/)
  assert.match(await told({ ...good, certificate: join(folder, 'none.crt') }), /none\.crt: there is no such file/)
  chmodSync(good.key, 0o644)
  assert.match(await told(good), /example\.org\.key can be read by everybody: chmod 600/)
})
