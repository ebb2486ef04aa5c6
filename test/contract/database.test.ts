import assert from 'node:assert/strict'
import { test } from 'node:test'

import { silentLogger } from '#observability/logger.ts'
import { DatabaseError, isUniqueViolation } from '#storage/database-error.ts'
import { openDatabase } from '#storage/database-pool.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

import { eachEngine, engines, testDatabaseUrl } from '../databases.ts'

const empty = { migrated: false }

async function makeTable(database: Database): Promise<void> {
  await database.runInteraction('make', (txn) =>
    txn.run(`CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, label TEXT, data BLOB, amount INTEGER)`),
  )
}

function ids(database: Database): Promise<number[]> {
  return database.runInteraction('ids', readIds, { readOnly: true })
}

async function readIds(txn: Transaction): Promise<number[]> {
  return (await txn.all<{ id: number }>(`SELECT id FROM things ORDER BY id`)).map((row) => row.id)
}

function add(txn: Transaction, id: number, label: string | null = null): Promise<number> {
  return txn.run(`INSERT INTO things (id, label, amount) VALUES (?, ?, 0)`, id, label)
}

/** A promise and the function that fulfils it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  return { opened: promise, open: () => resolve(undefined) }
}

eachEngine(
  'values come back as they went in',
  async (_t, database) => {
    await makeTable(database)
    const label = `"'\\{},? @ints(?) 'é' 𝄞 \u{1F600}\n`
    const data = new Uint8Array([0, 255, 1, 0])
    await database.runInteraction('add', async (txn) => {
      const sql = `INSERT INTO things (id, label, data, amount) VALUES (?, ?, ?, ?)`
      assert.equal(await txn.run(sql, Number.MAX_SAFE_INTEGER, label, data, -5), 1)
      assert.equal(await txn.run(sql, 1, null, null, null), 1)
    })
    const rows = await database.runInteraction('read', (txn) =>
      txn.all(`SELECT id, label AS "aLabel", data, amount FROM things ORDER BY id`),
    )
    assert.deepEqual(rows, [
      { id: 1, aLabel: null, data: null, amount: null },
      { id: Number.MAX_SAFE_INTEGER, aLabel: label, data, amount: -5 },
    ])
    const facts = await database.runInteraction('facts', (txn) =>
      txn.get(
        `SELECT count(*) AS n, sum(amount) AS total, 'it''s ? TEXT' AS word, EXISTS (SELECT 1 FROM things) AS "some",
           label IS NULL AS "none" FROM things GROUP BY label HAVING count(amount) = 1 -- a ? in a comment`,
      ),
    )
    assert.deepEqual(facts, { n: 1, total: -5, word: "it's ? TEXT", some: 1, none: 0 })
  },
  empty,
)

eachEngine(
  'arrays are bound as sets',
  async (_t, database) => {
    await makeTable(database)
    const labels = ['', 'a,b', '{x}', '"quoted"', "it's", 'back\\slash', 'NULL', 'é']
    await database.runInteraction('add', (txn) =>
      txn.runMany(
        `INSERT INTO things (id, label) VALUES (?, ?)`,
        labels.map((label, index) => [index, label]),
      ),
    )
    await database.runInteraction('read', async (txn) => {
      assert.equal((await txn.all(`SELECT id FROM things WHERE label IN @texts(?)`, labels)).length, labels.length)
      const some = await txn.all(
        `SELECT id FROM things WHERE id IN @ints(?) AND label NOT IN @texts(?) AND id < ? ORDER BY id`,
        [1, 2, 3, 99],
        ['a,b'],
        3,
      )
      assert.deepEqual(some, [{ id: 2 }])
      assert.deepEqual(await txn.all(`SELECT id FROM things WHERE id IN @ints(?)`, []), [])
      const joined = await txn.all(
        `SELECT t.id FROM @ints(?) AS w JOIN things t ON t.id = w.value ORDER BY t.id`,
        [5, 4],
      )
      assert.deepEqual(joined, [{ id: 4 }, { id: 5 }])
    })
  },
  empty,
)

eachEngine(
  'text is ordered by code point and compared exactly',
  async (_t, database) => {
    await makeTable(database)
    const labels = ['a', 'B', 'b', 'A', '@x', 'é', '_']
    await database.runInteraction('add', async (txn) => {
      for (const [index, label] of labels.entries()) await add(txn, index, label)
      const rows = await txn.all<{ label: string }>(`SELECT label FROM things ORDER BY label`)
      assert.deepEqual(
        rows.map((row) => row.label),
        [...labels].sort(),
      )
    })
  },
  empty,
)

eachEngine(
  'an interaction that fails leaves nothing, and those beside it stay',
  async (_t, database) => {
    await makeTable(database)
    const results = await Promise.allSettled([
      database.runInteraction('one', (txn) => add(txn, 1)),
      database.runInteraction('two', async (txn) => {
        await add(txn, 2)
        throw new Error('changed my mind')
      }),
      database.runInteraction('three', (txn) => add(txn, 3)),
      database.runInteraction('four', async (txn) => {
        await add(txn, 4)
        await add(txn, 4)
      }),
      database.runInteraction('five', (txn) => add(txn, 5)),
    ])
    const kinds = results.map((result) => result.status === 'fulfilled')
    assert.deepEqual(kinds, [true, false, true, false, true])
    assert.deepEqual(await ids(database), [1, 3, 5])
    const failed = results[3]
    assert.ok(failed?.status === 'rejected' && isUniqueViolation(failed.reason))
  },
  empty,
)

eachEngine(
  'a failed first of a group does not take the others with it',
  async (_t, database) => {
    await makeTable(database)
    const failing = database.runInteraction('one', async (txn) => {
      await add(txn, 1)
      throw new Error('no')
    })
    const [first] = await Promise.allSettled([failing, database.runInteraction('two', (txn) => add(txn, 2))])
    assert.equal(first.status, 'rejected')
    assert.deepEqual(await ids(database), [2])
  },
  empty,
)

eachEngine(
  'a failed statement cannot be swallowed',
  async (_t, database) => {
    await makeTable(database)
    await assert.rejects(
      database.runInteraction('swallow', async (txn) => {
        await add(txn, 1)
        await add(txn, 1).catch(() => undefined)
      }),
      isUniqueViolation,
    )
    assert.deepEqual(await ids(database), [])
  },
  empty,
)

eachEngine(
  'concurrent changes of one row are retried until each has counted',
  async (_t, database) => {
    await makeTable(database)
    await database.runInteraction('add', (txn) => add(txn, 1))
    let runs = 0
    let told = 0
    const bump = async (txn: Transaction): Promise<number> => {
      runs += 1
      const row = await txn.get<{ amount: number }>(`SELECT amount FROM things WHERE id = 1`)
      const next = (row?.amount ?? 0) + 1
      await txn.run(`UPDATE things SET amount = ? WHERE id = 1`, next)
      txn.afterCommit(() => (told += 1))
      return next
    }
    const given = await Promise.all(Array.from({ length: 40 }, () => database.runInteraction('bump', bump)))
    assert.deepEqual(
      given.sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, index) => index + 1),
    )
    assert.equal(told, 40)
    if (database.engine === 'postgres') assert.ok(runs > 40, 'no conflict happened')
  },
  empty,
)

eachEngine(
  'afterCommit is called once before the answer, and never when the interaction fails',
  async (_t, database) => {
    await makeTable(database)
    const told: string[] = []
    await database.runInteraction('good', async (txn) => {
      txn.afterCommit(() => told.push('first'))
      await add(txn, 1)
      txn.afterCommit(() => told.push('second'))
    })
    assert.deepEqual(told, ['first', 'second'])
    await assert.rejects(
      database.runInteraction('bad', async (txn) => {
        txn.afterCommit(() => told.push('never'))
        await add(txn, 1)
      }),
    )
    await assert.rejects(
      database.runInteraction('thrown', async (txn) => {
        txn.afterCommit(() => told.push('never'))
        await add(txn, 2)
        throw new Error('no')
      }),
    )
    assert.deepEqual(told, ['first', 'second'])
  },
  empty,
)

eachEngine(
  'a callback after the commit may open an interaction of its own',
  async (_t, database) => {
    await makeTable(database)
    const { promise, resolve } = Promise.withResolvers<number[]>()
    await database.runInteraction('outer', async (txn) => {
      await add(txn, 1)
      txn.afterCommit(() => resolve(ids(database)))
    })
    assert.deepEqual(await promise, [1])
  },
  empty,
)

eachEngine(
  'nested interactions are refused by name',
  async (_t, database) => {
    for (const readOnly of [true, false]) {
      const outer = database.runInteraction('outer', () =>
        database.runInteraction('inner', (txn) => txn.all(`SELECT 1 AS one`), { readOnly }),
      )
      await assert.rejects(outer, /interaction inner was started inside interaction outer/)
    }
    assert.deepEqual(await database.runInteraction('next', (txn) => txn.all(`SELECT 1 AS one`)), [{ one: 1 }])
  },
  empty,
)

eachEngine(
  'a transaction used after its end is an error that names it',
  async (_t, database) => {
    for (const readOnly of [true, false]) {
      let leaked: Transaction | undefined
      await database.runInteraction('leaky', async (txn) => (leaked = txn) && (await txn.all(`SELECT 1 AS one`)), {
        readOnly,
      })
      const late = leaked?.all(`SELECT 1 AS one`) ?? Promise.resolve()
      await assert.rejects(late, /interaction leaky used its transaction after its end/)
    }
  },
  empty,
)

eachEngine(
  'undefined is never bound',
  async (_t, database) => {
    await makeTable(database)
    const missing = undefined as unknown as string
    await assert.rejects(
      database.runInteraction('forgot', (txn) =>
        add(txn, 1).then(() => txn.run(`UPDATE things SET label = ?`, missing)),
      ),
      /undefined was bound .* UPDATE things/,
    )
    assert.deepEqual(await ids(database), [])
  },
  empty,
)

eachEngine(
  'reading does not wait for writing and sees what was durable when it began',
  async (_t, database) => {
    await makeTable(database)
    const wrote = gate()
    const goOn = gate()
    const writing = database.runInteraction('write', async (txn) => {
      await add(txn, 1)
      wrote.open()
      await goOn.opened
    })
    await wrote.opened
    assert.deepEqual(await ids(database), [])
    goOn.open()
    await writing
    assert.deepEqual(await ids(database), [1])
  },
  empty,
)

eachEngine(
  'an interaction that only reads sees one snapshot, and cannot write',
  async (_t, database) => {
    await makeTable(database)
    await database.runInteraction('add', (txn) => add(txn, 1))
    const looked = gate()
    const goOn = gate()
    const reading = database.runInteraction(
      'read',
      async (txn) => {
        const before = await readIds(txn)
        looked.open()
        await goOn.opened
        return [before, await readIds(txn)]
      },
      { readOnly: true },
    )
    await looked.opened
    await database.runInteraction('add', (txn) => add(txn, 2))
    goOn.open()
    assert.deepEqual(await reading, [[1], [1]])
    await assert.rejects(
      database.runInteraction('sneak', (txn) => add(txn, 3), { readOnly: true }),
      DatabaseError,
    )
    assert.deepEqual(await ids(database), [1, 2])
  },
  empty,
)

eachEngine(
  'two hundred interactions finish on one connection',
  async (_t, database) => {
    await makeTable(database)
    const numbers = Array.from({ length: 200 }, (_, index) => index)
    await Promise.all(
      numbers.map((id) =>
        database.runInteraction('work', (txn) => (id % 2 ? add(txn, id) : txn.run(`UPDATE things SET amount = 1`))),
      ),
    )
    assert.equal((await ids(database)).length, 100)
  },
  { ...empty, poolSize: 1 },
)

eachEngine(
  'a closed database finishes what it had and refuses more',
  async (_t, database) => {
    await makeTable(database)
    const last = database.runInteraction('last', (txn) => add(txn, 1))
    const closed = database.close()
    assert.equal(await last, 1)
    await closed
    await assert.rejects(ids(database), /the database is closed/)
  },
  empty,
)

test('whoever waits too long for a connection is told to come again (postgres)', async (t) => {
  const url = await testDatabaseUrl(t, { engine: 'postgres', migrated: false })
  const database = await openDatabase({ url, poolSize: 1, waitMsMax: 100, logger: silentLogger })
  const goOn = gate()
  const long = database.runInteraction('long', async (txn) => {
    await txn.all(`SELECT 1 AS one`)
    await goOn.opened
  })
  const late = database.runInteraction('late', (txn) => txn.all(`SELECT 1 AS one`))
  await assert.rejects(late, { code: 'M_UNKNOWN', status: 503, extra: { retry_after_ms: 5_000 } })
  goOn.open()
  await long
  await database.close()
})

for (const engine of engines) {
  test(`a database that cannot be opened is one clear error (${engine})`, async () => {
    const url = engine === 'sqlite' ? 'sqlite:/dev/null/x/test.db' : 'postgres://nobody:x@127.0.0.1:1/none'
    await assert.rejects(openDatabase({ url, logger: silentLogger }), (error: unknown) => {
      assert.ok(error instanceof DatabaseError)
      assert.match(error.message, engine === 'sqlite' ? /\/dev\/null\/x/ : /PostgreSQL cannot be reached/)
      return true
    })
  })
}
