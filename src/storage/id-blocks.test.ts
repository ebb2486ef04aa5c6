import assert from 'node:assert/strict'

import { IdBlocks } from './id-blocks.ts'

import { eachEngine } from '../../test/databases.ts'

eachEngine('numbers are consecutive within a call and never given twice', async (_t, database) => {
  const ids = new IdBlocks({ database })
  assert.equal(await ids.reserve('event_nid', 1), 1)
  assert.equal(await ids.reserve('event_nid', 3), 2)
  assert.equal(await ids.reserve('event_nid', 1), 5)
  assert.equal(await ids.reserve('other', 1), 1)
  const restarted = new IdBlocks({ database })
  assert.ok((await restarted.reserve('event_nid', 1)) > 5)
  assert.ok((await ids.reserve('event_nid', 1)) < (await restarted.reserve('event_nid', 1)))
})

eachEngine('more numbers than a block holds are consecutive too', async (_t, database) => {
  const ids = new IdBlocks({ database })
  const first = await ids.reserve('event_nid', 100_000)
  assert.equal(first, 1)
  assert.equal(await ids.reserve('event_nid', 65_537), 100_001)
})

eachEngine('many calls at once, of two processes, get different numbers', async (_t, database) => {
  const one = new IdBlocks({ database })
  const two = new IdBlocks({ database })
  const firsts = await Promise.all(
    Array.from({ length: 200 }, (_, index) => (index % 2 ? one : two).reserve('event_nid', 1_000)),
  )
  const sorted = firsts.sort((a, b) => a - b)
  for (const [index, first] of sorted.entries()) {
    if (index > 0) assert.ok(first - (sorted[index - 1] ?? 0) >= 1_000)
  }
})

eachEngine('reserving inside an interaction is refused, also while numbers are left', async (_t, database) => {
  const ids = new IdBlocks({ database })
  await ids.reserve('event_nid', 1)
  await assert.rejects(
    database.runInteraction('outer', () => ids.reserve('event_nid', 1)),
    /inside interaction outer/,
  )
})
