import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { silentLogger } from '#observability/logger.ts'
import { DatabaseError } from '#storage/database-error.ts'
import { openDatabase, type DatabaseOptions } from '#storage/database-pool.ts'
import type { Database, OpenDatabase } from '#storage/transaction.ts'

import { CuttingProxy, type Cut } from '../cutting-proxy.ts'
import { testDatabaseUrl } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'
import { postgresUrl, runPostgres, startPostgres } from '../postgres-programs.ts'

const skip = postgresMissing() ?? false

/** A database behind a proxy that breaks its connections, with a table to count in. */
async function behindProxy(
  t: TestContext,
  options: Partial<DatabaseOptions> = {},
): Promise<{ readonly proxy: CuttingProxy; readonly database: OpenDatabase }> {
  const target = await testDatabaseUrl(t, { engine: 'postgres', migrated: false })
  const { proxy, url } = await CuttingProxy.open(target)
  const database = await openDatabase({ url, poolSize: 2, waitMsMax: 5_000, logger: silentLogger, ...options })
  t.after(async () => {
    await database.close()
    proxy.close()
  })
  await makeCounter(database)
  return { proxy, database }
}

async function makeCounter(database: Database): Promise<void> {
  await database.runInteraction('make', async (txn) => {
    await txn.run(`CREATE TABLE IF NOT EXISTS counters (id INTEGER NOT NULL PRIMARY KEY, amount INTEGER NOT NULL)`)
    await txn.run(`INSERT INTO counters (id, amount) VALUES (0, 0)`)
  })
}

function count(database: Database): Promise<number> {
  return database.runInteraction('count', async (txn) => {
    const row = await txn.get<{ amount: number }>(`SELECT amount FROM counters WHERE id = 0`)
    return row?.amount ?? NaN
  })
}

const bumpSql = `UPDATE counters SET amount = amount + 1 WHERE id = 0`

/** Counts one up; tells what its callbacks were told. */
async function bump(database: Database, told: string[] = []): Promise<void> {
  await database.runInteraction('bump', async (txn) => {
    txn.afterCommit(() => told.push('committed'))
    txn.afterRollback(() => told.push('rolled back'))
    await txn.all(`SELECT amount FROM counters WHERE id = 0`)
    await txn.run(bumpSql)
  })
}

const cuts: readonly (readonly [where: string, text: string, cut: Cut])[] = [
  ['before BEGIN has arrived', 'BEGIN', 'before'],
  ['after BEGIN', 'BEGIN', 'after'],
  ['before a statement has arrived', 'UPDATE counters', 'before'],
  ['after a statement', 'UPDATE counters', 'after'],
  ['before COMMIT has arrived', 'COMMIT', 'before'],
  ['after COMMIT was done and before its answer', 'COMMIT', 'after'],
  ['for us alone before COMMIT has arrived, so that the server still waits for it', 'COMMIT', 'halfOpen'],
]

for (const [where, text, cut] of cuts) {
  test(`a connection cut ${where} loses nothing and does nothing twice`, { skip }, async (t) => {
    const { proxy, database } = await behindProxy(t)
    const told: string[] = []
    proxy.cutAt(text, cut)
    await bump(database, told)
    assert.equal(proxy.done, 1)
    assert.equal(await count(database), 1)
    assert.deepEqual(told, ['committed'])
    assert.equal(database.pool.inUse, 0)
  })
}

test('an interaction whose connection breaks each time is answered with an error', { skip }, async (t) => {
  const { proxy, database } = await behindProxy(t)
  const told: string[] = []
  proxy.cutAt('UPDATE counters', 'before', 1_000)
  await assert.rejects(bump(database, told), { status: 503 })
  assert.deepEqual(told, ['rolled back'])
  proxy.cutAt('', 'before', 0)
  assert.equal(await count(database), 0)
})

test('a server that falls silent is given up, and its place taken by another connection', { skip }, async (t) => {
  const { proxy, database } = await behindProxy(t, { quietMsMax: 500, poolSize: 1 })
  proxy.cutAt('UPDATE counters', 'silence')
  await assert.rejects(bump(database), (error) => error instanceof DatabaseError && error.kind === 'timeout')
  await bump(database)
  assert.equal(await count(database), 1)
})

test('a server silent in the middle of COMMIT is asked on another connection', { skip }, async (t) => {
  const { proxy, database } = await behindProxy(t, { quietMsMax: 500 })
  proxy.cutAt('COMMIT', 'silence')
  await bump(database)
  assert.equal(await count(database), 1)
})

test('when nobody can say whether a commit happened, that is an error of its own', { skip }, async (t) => {
  const { proxy, database } = await behindProxy(t, { waitMsMax: 300 })
  const told: string[] = []
  proxy.cutAt('COMMIT', 'after')
  const bumped = bump(database, told)
  const lost = assert.rejects(bumped, (error) => error instanceof DatabaseError && error.kind === 'unknown')
  while (proxy.done === 0) await delay(1)
  proxy.cutAt('user', 'before', 1_000)
  await lost
  assert.deepEqual(told, [])
})

test('a statement that takes too long is ended, and one that may take long is not', { skip }, async (t) => {
  const { database } = await behindProxy(t, { quietMsMax: 300 })
  const sleep = (mayTakeLong: boolean): Promise<unknown> =>
    database.runInteraction('sleep', (txn) => txn.all(`SELECT pg_sleep(0.6)::text AS slept`), { mayTakeLong })
  await assert.rejects(sleep(false), (error) => error instanceof DatabaseError && error.kind === 'timeout')
  await sleep(true)
})

test('connections cut all the time under load: each answer counts once', { skip }, async (t) => {
  const { proxy, database } = await behindProxy(t, { poolSize: 5 })
  const load = { done: false }
  const cutting = (async () => {
    while (!load.done) {
      await delay(40)
      proxy.cutAll()
    }
  })()
  const results = await Promise.allSettled(Array.from({ length: 150 }, () => bump(database)))
  load.done = true
  await cutting
  const answered = results.filter((result) => result.status === 'fulfilled').length
  assert.equal(await count(database), answered)
  assert.ok(answered > 0)
  assert.equal(database.pool.inUse, 0)
})

test('PostgreSQL killed and started again under load loses no answered write', { skip }, async (t) => {
  const data = join(mkdtempSync(join(tmpdir(), 'tessera-pg-kill-')), 'data')
  const settings = ['listen_addresses=', 'shared_buffers=16MB']
  // The user that the server runs as has to get through.
  const { chmodSync } = await import('node:fs')
  chmodSync(join(data, '..'), 0o755)
  let server = await startPostgres(data, settings)
  const database = await openDatabase({ url: postgresUrl(data), poolSize: 4, waitMsMax: 30_000, logger: silentLogger })
  t.after(async () => {
    await database.close()
    server.kill('SIGQUIT')
    await once(server, 'exit')
    rmSync(join(data, '..'), { recursive: true, force: true })
  })
  await makeCounter(database)
  let next = 0
  const answered: number[] = []
  const load = { done: false }
  const writer = async (): Promise<void> => {
    while (!load.done) {
      const id = ++next
      await database.runInteraction('add', (txn) => txn.run(`INSERT INTO counters (id, amount) VALUES (?, 1)`, id))
      answered.push(id)
    }
  }
  const writers = Promise.all(Array.from({ length: 20 }, writer))
  for (let round = 0; round < 2; round += 1) {
    const before = answered.length
    while (answered.length < before + 100) await delay(5)
    server.kill('SIGQUIT')
    await once(server, 'exit')
    server = await runPostgres(data, settings)
  }
  const before = answered.length
  while (answered.length < before + 100) await delay(5)
  load.done = true
  await writers
  const rows = await database.runInteraction('read', (txn) =>
    txn.all<{ id: number }>(`SELECT id FROM counters WHERE id > 0 ORDER BY id`),
  )
  assert.deepEqual(
    rows.map((row) => row.id),
    answered.sort((a, b) => a - b),
  )
})
