import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import { migrate } from './migrate.ts'
import { keepServerFact } from './server-facts.ts'

eachEngine('a fact about the server is kept as it was first written', async (_t, database) => {
  await migrate(database)
  const keep = (value: string): Promise<string> =>
    database.runInteraction('keep_server_fact', (txn) => keepServerFact(txn, 'server_name', value))
  assert.equal(await keep('a.org'), 'a.org')
  assert.equal(await keep('b.org'), 'a.org')
})
