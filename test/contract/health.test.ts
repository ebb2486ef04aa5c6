import assert from 'node:assert/strict'

import { databaseHealth } from '#storage/database-health.ts'

import { eachEngine } from '../databases.ts'

eachEngine('a database of this version is whole, and its clock is ours', async (_t, database) => {
  const { program, missing, faults, clockMs } = await databaseHealth(database)
  assert.match(program, /^(SQLite|PostgreSQL) \d+\.\d+/)
  assert.deepEqual(missing, [])
  // The server that tests share does without, since nothing of theirs has to outlive a power cut.
  assert.deepEqual(
    faults.filter((fault) => !fault.startsWith('fsync is off')),
    [],
  )
  if (clockMs !== undefined) assert.ok(Math.abs(clockMs - Date.now()) < 60_000)
})

eachEngine(
  'an empty database misses everything, and one of a newer program is named so',
  async (_t, database) => {
    assert.ok((await databaseHealth(database)).missing.includes('0001-rooms'))
    await database.runInteraction('make', async (txn) => {
      await txn.run(`CREATE TABLE schema_migrations (name TEXT NOT NULL PRIMARY KEY, applied_ts INTEGER NOT NULL)`)
      await txn.run(`INSERT INTO schema_migrations (name, applied_ts) VALUES ('9999-later', 0)`)
    })
    assert.match((await databaseHealth(database)).faults.join(), /newer Tessera \(it has 9999-later\)/)
  },
  { migrated: false },
)
