import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { checkConfig, ConfigError, loadConfig, sampleConfig, type RawConfig } from './config.ts'

function problemsOf(raw: RawConfig): readonly string[] {
  try {
    checkConfig(raw, '/srv')
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return []
}

const good = { server_name: 'example.org' }

test('a server name is all that has to be said', () => {
  const config = checkConfig(good, '/srv')
  assert.equal(config.dataFolder, '/srv')
  assert.equal(config.database.url, 'sqlite:/srv/homeserver.db')
  assert.equal(config.registration.mode, 'token')
  assert.deepEqual(config.rateLimits.login, { perSecond: 0.5, burst: 10 })
  assert.equal(config.listeners[0]?.port, 8008)
})

test('the generated sample is read back as the defaults', () => {
  const sample = parse(sampleConfig([{ path: ['server_name'], value: 'example.org' }])) as RawConfig
  assert.deepEqual(checkConfig(sample, '/srv'), checkConfig(good, '/srv'))
})

test('the sample without values has an example for what has to be given', () => {
  assert.equal(checkConfig(parse(sampleConfig()) as RawConfig, '/srv').serverName, 'example.org')
})

test('no line of the sample is longer than 120 characters', () => {
  for (const line of sampleConfig().split('\n')) assert.ok(line.length <= 120, line)
})

test('every problem is named at once', () => {
  const problems = problemsOf({
    server_name: 'not a name',
    databse: {},
    listeners: [{ port: 99_999, adress: 'x' }],
    rate_limits: { message: { burst: 0 } },
    log: { level: 'loud' },
  })
  assert.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['databse', 'server_name', 'listeners[0].adress', 'listeners[0].port', 'rate_limits.message.burst', 'log.level'],
  )
})

const wrong: readonly (readonly [string, RawConfig, RegExp])[] = [
  ['a missing server name', {}, /^server_name is missing: .*colon/],
  ['a slip in a key', { ...good, registraton: {} }, /did you mean registration\?/],
  ['a key like no other', { ...good, xyzzyplugh: 1 }, /known keys: server_name, /],
  ['a database of another kind', { ...good, database: { url: 'mysql://x' } }, /^database\.url .*sqlite:FILE/],
  ['a section that is a word', { ...good, log: 'info' }, /^log has to be a section/],
  ['no listener', { ...good, listeners: [] }, /^listeners has to be a list of at least 1/],
  [
    'an unknown API',
    { ...good, listeners: [{ apis: ['client', 'cleint'] }] },
    /^listeners\[0\]\.apis\[1\] has to be one of/,
  ],
  [
    'TLS without its key',
    { ...good, listeners: [{ tls: { certificate: 'a' } }] },
    /^listeners\[0\]\.tls\.key is missing/,
  ],
  ['an address with a path', { ...good, public_address: 'https://a.b/c' }, /^public_address/],
  ['a guessable secret', { ...good, registration: { shared_secret: 'abc' } }, /at least 16/],
]

for (const [name, raw, says] of wrong) {
  test(`the configuration is refused for ${name}`, () => {
    const problems = problemsOf(raw)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', says)
  })
}

test('one rate limit or all of them can be switched off', () => {
  const one = checkConfig({ ...good, rate_limits: { message: 'off' } }, '/srv')
  assert.equal(one.rateLimits.message, undefined)
  assert.notEqual(one.rateLimits.login, undefined)
  assert.deepEqual(checkConfig({ ...good, rate_limits: 'off' }, '/srv').rateLimits, {})
})

test('paths are taken from where the file and the data lie', () => {
  const config = checkConfig(
    {
      ...good,
      data_folder: 'kept',
      database: { url: 'sqlite:db/a.db' },
      listeners: [{ tls: { certificate: 'c', key: '/k' } }],
    },
    '/srv',
  )
  assert.equal(config.dataFolder, '/srv/kept')
  assert.equal(config.database.url, 'sqlite:/srv/kept/db/a.db')
  assert.deepEqual(config.listeners[0]?.tls, { certificate: '/srv/c', key: '/k' })
})

test('a file that is not YAML is refused with line and column', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'tessera.yaml')
  writeFileSync(file, 'server_name: example.org\nlog: [info\n')
  assert.throws(
    () => loadConfig(file),
    (error: ConfigError) => /^line \d+, column \d+: /.test(error.problems[0] ?? ''),
  )
  assert.throws(() => loadConfig(join(folder, 'none.yaml')), /cannot be read/)
})

test('changes go into the sample without losing its comments', () => {
  const changes = [
    { path: ['server_name'], value: 'example.org' },
    { path: ['listeners', 0, 'port'], value: 9000 },
    { path: ['registration', 'mode'], value: 'open' },
    { path: ['rate_limits'], value: 'off' },
  ]
  const sample = sampleConfig(changes)
  const config = checkConfig(parse(sample) as RawConfig, '/srv')
  assert.equal(config.listeners[0]?.port, 9000)
  assert.equal(config.registration.mode, 'open')
  assert.deepEqual(config.rateLimits, {})
  assert.match(sample, /# closed: nobody/)
})

test('changes stand above the file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'tessera.yaml')
  writeFileSync(file, 'server_name: example.org\n')
  assert.equal(loadConfig(file, [{ path: ['server_name'], value: 'other.org' }]).serverName, 'other.org')
})

test('what is wrong with a secret is said without it', () => {
  const problems = problemsOf({
    ...good,
    database: { url: 'postgress://tessera:hunter2@db/x' },
    registration: { shared_secret: 'hunter2' },
  })
  assert.equal(problems.length, 2)
  assert.doesNotMatch(problems.join('\n'), /hunter2/)
})
