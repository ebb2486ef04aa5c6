import assert from 'node:assert/strict'
import { parseUserId } from '#protocol/identifiers.ts'
import { insertFilter } from '#storage/filters.ts'
import { eachEngine } from '../../test/databases.ts'
import { Filters } from './filters.ts'

const alice = parseUserId('@alice:example.org')
const keptMax = 5_000

eachEngine('a user keeps only so many filters, and the same one again is none more', async (_t, database) => {
  const filters = new Filters({ database })
  const first = await filters.create(alice, { room: { timeline: { limit: 1 } } })
  await database.runInteraction('fill', async (txn) => {
    for (let count = 1; count < keptMax; count += 1) await insertFilter(txn, alice, `filter${count}`, '{}')
  })
  await assert.rejects(filters.create(alice, { room: { timeline: { limit: 2 } } }), {
    code: 'M_RESOURCE_LIMIT_EXCEEDED',
  })
  assert.equal(await filters.create(alice, { room: { timeline: { limit: 1 } } }), first)
  await filters.create(parseUserId('@bob:example.org'), { room: { timeline: { limit: 2 } } })
})
