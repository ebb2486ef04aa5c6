import assert from 'node:assert/strict'

import { PrometheusMetrics } from '#observability/prometheus-metrics.ts'
import { currentRequest, runInBackground } from '#observability/request-context.ts'
import { silentLogger } from '#observability/logger.ts'
import type { MatrixError } from '#protocol/errors.ts'
import { openDatabase, type DatabaseOptions } from '#storage/database-pool.ts'
import type { Database, OpenDatabase, Transaction } from '#storage/transaction.ts'
import { test, type TestContext } from 'node:test'

import { engines, testDatabaseUrl, type Engine } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'

function onEach(name: string, fn: (t: TestContext, open: OpenTest, engine: Engine) => Promise<void>): void {
  for (const engine of engines) {
    const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
    test(`${name} (${engine})`, { skip }, async (t) => {
      const url = await testDatabaseUrl(t, { engine, migrated: false })
      const open: OpenTest = async (options) => {
        const database = await openDatabase({ url, logger: silentLogger, poolSize: 2, ...options })
        t.after(() => database.close())
        await database.runInteraction('make', (txn) =>
          txn.run(`CREATE TABLE IF NOT EXISTS things (id INTEGER NOT NULL PRIMARY KEY, amount INTEGER)`),
        )
        return database
      }
      await fn(t, open, engine)
    })
  }
}

type OpenTest = (options?: Partial<DatabaseOptions>) => Promise<OpenDatabase>

function add(txn: Transaction, id: number): Promise<number> {
  return txn.run(`INSERT INTO things (id, amount) VALUES (?, 0)`, id)
}

async function ids(database: Database): Promise<number[]> {
  const rows = await database.runInteraction(
    'ids',
    (txn) => txn.all<{ id: number }>(`SELECT id FROM things ORDER BY id`),
    {
      readOnly: true,
    },
  )
  return rows.map((row) => row.id)
}

onEach('a callback after the rollback is called once, and never after a commit', async (_t, open) => {
  const database = await open()
  const told: string[] = []
  await database.runInteraction('good', async (txn) => {
    txn.afterRollback(() => told.push('never'))
    await add(txn, 1)
  })
  await assert.rejects(
    database.runInteraction('bad', async (txn) => {
      txn.afterRollback(() => told.push('rolled back'))
      txn.afterCommit(() => told.push('never'))
      await add(txn, 1)
    }),
  )
  assert.deepEqual(told, ['rolled back'])
})

onEach('a body that asks for or gives something else when it runs again is found', async (_t, open) => {
  const database = await open({ rehearse: true })
  let runs = 0
  const told: number[] = []
  const counting = database.runInteraction('counting', async (txn) => {
    runs += 1
    await add(txn, 1)
    return runs
  })
  await assert.rejects(counting, /interaction counting gave something else when it was run again/)
  const drawn: number[] = []
  const hoarding = database.runInteraction('hoarding', async (txn) => {
    await txn.all(`SELECT id FROM things`)
    drawn.push(10 + drawn.length)
    await txn.runMany(
      `INSERT INTO things (id, amount) VALUES (?, 0)`,
      drawn.map((id) => [id]),
    )
  })
  await assert.rejects(hoarding, /interaction hoarding asked for something else when it was run again: INSERT INTO/)
  const asking = database.runInteraction('asking', (txn) => txn.all(`SELECT ? AS run`, (runs += 1)))
  await assert.rejects(asking, /interaction asking asked for something else/)
  const given = await database.runInteraction('steady', async (txn) => {
    await add(txn, 2)
    txn.afterCommit(() => told.push(2))
    return txn.all(`SELECT id FROM things`)
  })
  assert.deepEqual(given, [{ id: 2 }])
  assert.deepEqual(told, [2])
  assert.deepEqual(await ids(database), [2])
})

onEach('five hundred requests on one connection are all served, in order of arrival', async (_t, open) => {
  const database = await open({ poolSize: 1 })
  const order: number[] = []
  await Promise.all(
    Array.from({ length: 500 }, async (_, id) => {
      await database.runInteraction('work', (txn) => add(txn, id))
      order.push(id)
    }),
  )
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
  assert.equal((await ids(database)).length, 500)
  assert.equal(database.pool.waiting, 0)
  assert.equal(database.pool.inUse, 0)
})

onEach('who has waited too long is told to come again, and the others go on', async (_t, open) => {
  const database = await open({ poolSize: 1, waitMsMax: 100 })
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const { promise: begun, resolve: beginning } = Promise.withResolvers<undefined>()
  const long = database.runInteraction('long', async (txn) => {
    await add(txn, 1)
    beginning(undefined)
    await promise
  })
  await begun
  const late = assert.rejects(
    database.runInteraction('late', (txn) => add(txn, 2)),
    { status: 503 },
  )
  // Also while the one before it never ends.
  await late
  resolve(undefined)
  await long
  assert.equal(database.pool.refused, 1)
  assert.deepEqual(await ids(database), [1])
})

onEach('who no longer waits gives up its turn, and what has begun is finished', async (_t, open) => {
  const database = await open({ poolSize: 1 })
  const gone = new AbortController()
  let ran = false
  const begun = database.runInteraction(
    'begun',
    async (txn) => {
      await add(txn, 1)
      gone.abort(new Error('gone'))
      await add(txn, 2)
    },
    { signal: gone.signal },
  )
  const queued = database.runInteraction(
    'queued',
    async () => {
      ran = true
    },
    { signal: gone.signal },
  )
  await assert.rejects(queued, /gone/)
  await begun
  assert.equal(ran, false)
  assert.deepEqual(await ids(database), [1, 2])
})

onEach('a body that waits for something else than its transaction is given up', async (_t, open) => {
  const database = await open({ poolSize: 1, quietMsMax: 200 })
  for (const readOnly of [false, true]) {
    const stuck = database.runInteraction(
      'stuck',
      async (txn) => {
        await txn.all(`SELECT 1 AS one`)
        await new Promise(() => undefined)
      },
      { readOnly },
    )
    await assert.rejects(stuck, { kind: 'timeout' })
  }
  await database.runInteraction('next', (txn) => add(txn, 1))
  assert.deepEqual(await ids(database), [1])
})

onEach('every interaction is counted by name and in the context it works for', async (_t, open) => {
  const metrics = new PrometheusMetrics()
  const database = await open({ metrics })
  const context = await runInBackground('some_work', async () => {
    await Promise.all([
      database.runInteraction('one', async (txn) => {
        await add(txn, 1)
        await add(txn, 2)
        assert.equal(currentRequest()?.path, 'some_work')
        txn.afterCommit(() => assert.equal(currentRequest()?.path, 'some_work'))
      }),
      database.runInteraction('two', (txn) => txn.all(`SELECT 1 AS one`), { readOnly: true }),
    ])
    return currentRequest()
  })
  assert.equal(context?.databaseQueries, 3)
  assert.equal(context?.databaseRows, 3)
  assert.ok((context?.databaseRunMs ?? 0) > 0)
  const text = await metrics.text()
  assert.match(text, /^tessera_database_interaction_queries_total\{interaction="one"\} 2$/m)
  assert.match(text, /^tessera_database_interaction_run_seconds_count\{interaction="two"\} 1$/m)
})

const onPostgres = { skip: postgresMissing() ?? false }

async function openPostgres(t: TestContext, options: Partial<DatabaseOptions>): Promise<OpenDatabase> {
  const url = await testDatabaseUrl(t, { engine: 'postgres', migrated: false })
  const database = await openDatabase({ url, logger: silentLogger, ...options })
  t.after(() => database.close())
  await database.runInteraction('make', async (txn) => {
    await txn.run(`CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, amount INTEGER)`)
    await add(txn, 1)
  })
  return database
}

test('who conflicts each time is told to come again, and leaves nothing behind (postgres)', onPostgres, async (t) => {
  const database = await openPostgres(t, { poolSize: 1 })
  let runs = 0
  const told: string[] = []
  const conflicting = database.runInteraction('conflicting', async (txn) => {
    runs += 1
    txn.afterRollback(() => told.push('rolled back'))
    await txn.run(`UPDATE things SET amount = amount + 1 WHERE id = 1`)
    await txn.run(`DO $$ BEGIN RAISE EXCEPTION 'always' USING ERRCODE = 'serialization_failure'; END $$`)
  })
  await assert.rejects(conflicting, { status: 503 })
  assert.ok(runs > 5 && runs < 100, `${runs} runs`)
  assert.deepEqual(told, ['rolled back'])
  assert.equal(database.pool.inUse, 0)
  const row = await database.runInteraction('read', (txn) => txn.get(`SELECT amount FROM things WHERE id = 1`))
  assert.deepEqual(row, { amount: 0 })
})

test('when all change one row at once, every answer counts and nobody hangs (postgres)', onPostgres, async (t) => {
  const database = await openPostgres(t, { poolSize: 10 })
  let runs = 0
  const bump = (): Promise<unknown> =>
    database.runInteraction('bump', async (txn) => {
      runs += 1
      // Every transaction has its snapshot before the first of them writes.
      const row = await txn.get<{ amount: number }>(`SELECT amount FROM things WHERE id = 1`)
      await txn.all(`SELECT pg_sleep(0.001)::text AS slept`)
      await txn.run(`UPDATE things SET amount = ? WHERE id = 1`, (row?.amount ?? 0) + 1)
    })
  const results = await Promise.allSettled(Array.from({ length: 300 }, bump))
  const answered = results.filter((result) => result.status === 'fulfilled').length
  for (const result of results)
    if (result.status === 'rejected') assert.equal((result.reason as MatrixError).status, 503)
  const row = await database.runInteraction('read', (txn) => txn.get(`SELECT amount FROM things WHERE id = 1`))
  assert.deepEqual(row, { amount: answered })
  assert.ok(runs > results.length && answered > 0)
  assert.deepEqual([database.pool.inUse, database.pool.waiting], [0, 0])
})

onEach('a slow query is written to the log with its text and none of its values', async (_t, open, engine) => {
  const lines: unknown[] = []
  const logger = { ...silentLogger, warn: (message: string, fields: unknown) => lines.push({ message, fields }) }
  const database = await open({ slowQueryMs: 20, logger: logger })
  const sql =
    engine === 'sqlite'
      ? `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT max(i) AS m FROM n WHERE i > ?`
      : `SELECT pg_sleep(0.05)::text AS m WHERE ? > 0`
  await database.runInteraction('slow', (txn) => txn.all(sql, 424_242))
  const text = JSON.stringify(lines)
  assert.match(text, /Slow query.*"interaction":"slow"/)
  assert.doesNotMatch(text, /424242/)
})
