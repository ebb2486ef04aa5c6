import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import { openHomeserver, type Homeserver } from './homeserver.ts'
import type { Config } from './config.ts'
import { createPostgresDatabase, postgresMissing } from '../../test/postgres.ts'

function trialConfig(dataFolder: string): Config {
  return {
    serverName: 'localhost' as ServerName,
    publicAddress: undefined,
    dataFolder,
    listeners: [{ address: '127.0.0.1', port: 0, apis: ['client'], tls: undefined, trustedProxies: [] }],
    database: { url: `sqlite:${join(dataFolder, 'homeserver.db')}`, poolSize: 5 },
    registration: { mode: 'closed', sharedSecret: undefined },
    rateLimits: {},
    log: { level: 'info', format: 'text', slowRequestMs: 2_000, slowQueryMs: 500 },
    tracing: undefined,
    plugIns: [],
  }
}

test('a homeserver opens, answers, closes and opens again on the same data', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const _round of [1, 2]) {
    const homeserver = await openHomeserver(trialConfig(folder), silentLogger)
    const response = await fetch(`${homeserver.addresses[0]}/_matrix/client/versions`)
    const { versions } = (await response.json()) as { versions: string[] }
    assert.equal(versions[0], 'v1.1')
    assert.equal(versions.at(-1), 'v1.19')
    await homeserver.close()
    await homeserver.close()
  }
})

test('a second homeserver on the same data is refused and the first goes on', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  const homeserver = await openHomeserver(trialConfig(folder), silentLogger)
  await assert.rejects(openHomeserver(trialConfig(folder), silentLogger), { kind: 'in_use' })
  assert.equal((await fetch(`${homeserver.addresses[0]}/_matrix/client/versions`)).status, 200)
  await homeserver.close()
})

test('on PostgreSQL too, a second homeserver on the same data is refused and the first goes on', async (t) => {
  const missing = postgresMissing()
  if (missing !== undefined) {
    t.skip(missing)
    return
  }
  const { url, drop } = await createPostgresDatabase({ migrated: false })
  t.after(drop)
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  const config = { ...trialConfig(folder), database: { url, poolSize: 4 } }
  const homeserver = await openHomeserver(config, silentLogger)
  await assert.rejects(openHomeserver(config, silentLogger), /in use by another/)
  assert.equal((await fetch(`${homeserver.addresses[0]}/_matrix/client/versions`)).status, 200)
  await homeserver.close()
})

/** A homeserver with its own folder, until the test ends. */
async function openTrial(t: TestContext): Promise<Homeserver & { readonly home: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  const homeserver = await openHomeserver(trialConfig(folder), silentLogger)
  t.after(async () => {
    await homeserver.close()
    await rm(folder, { recursive: true })
  })
  return { ...homeserver, home: `${homeserver.addresses[0]}/` }
}

function postForm(
  home: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(home, { method: 'POST', body: new URLSearchParams(fields), headers })
}

test('the signing key and the control socket are closed to others', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  const homeserver = await openHomeserver(trialConfig(folder), silentLogger)
  assert.equal((await stat(join(folder, 'signing.key'))).mode & 0o777, 0o600)
  assert.equal((await stat(join(folder, 'control.sock'))).mode & 0o777, 0o600)
  await homeserver.close()
})

test('a database of another server name is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  t.after(() => rm(folder, { recursive: true }))
  await (await openHomeserver(trialConfig(folder), silentLogger)).close()
  const renamed = { ...trialConfig(folder), serverName: 'other.org' as ServerName }
  await assert.rejects(openHomeserver(renamed, silentLogger), /belongs to the server localhost/)
})

test('the page makes the first account for the holder of the token, and then no other', async (t) => {
  const { home, firstAdminToken = '' } = await openTrial(t)
  assert.match(await (await fetch(home)).text(), /name="token"/)
  const account = { token: firstAdminToken, username: 'ann', password: 'correct horse' }
  const made = await postForm(home, account)
  assert.equal(made.status, 200)
  const page = await made.text()
  assert.match(page, /@ann:localhost/)
  assert.match(page, /FluffyChat/)
  assert.ok(page.includes(`<code>http://localhost:${new URL(home).port}</code>`))
  const wellKnown = await (await fetch(`${home}.well-known/matrix/client`)).json()
  assert.deepEqual(wellKnown, { 'm.homeserver': { base_url: `http://localhost:${new URL(home).port}` } })
  assert.doesNotMatch(await (await fetch(home)).text(), /<form/)
  const again = await postForm(home, { ...account, username: 'eve' })
  assert.doesNotMatch(await again.text(), /@eve/)
})

test('the account that the page made administers the server', async (t) => {
  const { home, firstAdminToken = '' } = await openTrial(t)
  await postForm(home, { token: firstAdminToken, username: 'ann', password: 'correct horse' })
  const login = await fetch(`${home}_matrix/client/v3/login`, {
    method: 'POST',
    body: JSON.stringify({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'ann' },
      password: 'correct horse',
    }),
  })
  assert.equal(login.status, 200)
})

const refusals: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ['a wrong token', { token: 'nope' }, /not the token/],
  ['a short password', { password: 'short' }, /at least 8/],
  ['a user name that cannot be', { username: 'Ann Smith' }, /role="alert"/],
  ['no user name', { username: '' }, /Choose a user name/],
]

for (const [name, fields, says] of refusals) {
  test(`the page refuses ${name} and shows what was typed`, async (t) => {
    const { home, firstAdminToken = '' } = await openTrial(t)
    const response = await postForm(home, {
      token: firstAdminToken,
      username: 'ann',
      password: 'correct horse',
      ...fields,
    })
    const page = await response.text()
    assert.ok(response.status >= 400 && response.status < 500)
    assert.match(page, says)
    assert.match(page, /<form/)
    assert.doesNotMatch(page, /correct horse/)
  })
}

test('what was typed cannot put HTML into the page', async (t) => {
  const { home } = await openTrial(t)
  const page = await (await postForm(home, { token: '"><script>', username: '<b>', password: 'correct horse' })).text()
  assert.doesNotMatch(page, /<script>|<b>/)
  assert.match(page, /&quot;&gt;&lt;script&gt;/)
})

test('a form sent from another page is refused', async (t) => {
  const { home, firstAdminToken = '' } = await openTrial(t)
  const account = { token: firstAdminToken, username: 'ann', password: 'correct horse' }
  assert.equal((await postForm(home, account, { origin: 'https://evil.example' })).status, 403)
  assert.equal((await postForm(home, account, { origin: 'null' })).status, 403)
  assert.equal((await postForm(home, account, { origin: home.slice(0, -1) })).status, 200)
})

test('the page runs nothing, and its style is the one that its policy names', async (t) => {
  const { home } = await openTrial(t)
  const response = await fetch(home)
  const policy = response.headers.get('content-security-policy') ?? ''
  const style = /<style>([^]*)<\/style>/.exec(await response.text())?.[1] ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.ok(policy.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`))
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
})
