import assert from 'node:assert/strict'
import { test } from 'node:test'

import { silentLogger } from '#observability/logger.ts'
import { databaseHealth } from '#storage/database-health.ts'
import { openDatabase, openDatabaseToRead } from '#storage/database-pool.ts'

import { engines, testDatabaseUrl } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`a database that a server has is read beside it, and only read (${engine})`, { skip }, async (t) => {
    const url = await testDatabaseUrl(t, { engine })
    const server = await openDatabase({ url, logger: silentLogger, poolSize: 2 })
    const reader = await openDatabaseToRead({ url, logger: silentLogger, poolSize: 2 })
    try {
      assert.deepEqual((await databaseHealth(reader)).missing, [])
      const write = reader.runInteraction('write', (txn) => txn.run(`CREATE TABLE mine (id INTEGER PRIMARY KEY)`))
      await assert.rejects(write, { kind: 'usage' })
      await assert.rejects(openDatabase({ url, logger: silentLogger, poolSize: 2 }), { kind: 'in_use' })
      await server.runInteraction('write', (txn) => txn.run(`CREATE TABLE mine (id INTEGER NOT NULL PRIMARY KEY)`))
    } finally {
      await reader.close()
      await server.close()
    }
  })
}
