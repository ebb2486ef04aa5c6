import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import { openHomeserver } from './homeserver.ts'
import type { Config } from './config.ts'

function trialConfig(dataFolder: string): Config {
  return {
    serverName: 'localhost' as ServerName,
    publicAddress: undefined,
    dataFolder,
    listeners: [{ address: '127.0.0.1', port: 0, apis: ['client'], tls: undefined, trustedProxies: [] }],
    database: { url: `sqlite:${join(dataFolder, 'homeserver.db')}`, poolSize: 5 },
    registration: { mode: 'closed', sharedSecret: undefined },
    rateLimits: {},
    log: { level: 'info', format: 'text' },
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
