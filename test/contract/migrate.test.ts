import assert from 'node:assert/strict'

import { migrate } from '#storage/migrate.ts'
import { type Migration, migrations } from '#storage/migrations.ts'

import { eachEngine } from '../databases.ts'

const first: Migration = { name: '0001-first', statements: [`CREATE TABLE one (id INTEGER NOT NULL PRIMARY KEY)`] }
const second: Migration = { name: '0002-second', statements: [`CREATE TABLE two (id INTEGER NOT NULL PRIMARY KEY)`] }
const broken: Migration = { name: '0002-broken', statements: [...second.statements, `CREATE TABLE two (id INTEGER)`] }

eachEngine(
  'a fresh database gets every migration in order, a second run nothing',
  async (_t, database) => {
    const told: string[] = []
    const done = await migrate(database, { onProgress: (name) => told.push(name) })
    assert.deepEqual(
      done,
      migrations.map(({ name }) => name),
    )
    assert.deepEqual(told, done)
    assert.deepEqual(done, [...done].sort())
    assert.deepEqual(await migrate(database), [])
  },
  { migrated: false },
)

eachEngine(
  'a database of a newer program is refused and left alone',
  async (_t, database) => {
    await migrate(database, { migrations: [first, second] })
    await assert.rejects(
      migrate(database, { migrations: [first] }),
      /written by a newer Tessera \(it has 0002-second\)/,
    )
  },
  { migrated: false },
)

eachEngine(
  'a migration that fails leaves nothing of itself',
  async (_t, database) => {
    await assert.rejects(migrate(database, { migrations: [first, broken] }))
    assert.deepEqual(await migrate(database, { migrations: [first, second] }), ['0002-second'])
  },
  { migrated: false },
)

eachEngine(
  'two processes that migrate at the same time do it once',
  async (_t, database) => {
    const both = await Promise.all([migrate(database), migrate(database)])
    assert.deepEqual(both.flat().sort(), migrations.map(({ name }) => name).sort())
  },
  { migrated: false },
)

eachEngine(
  'a database whose migrations did something else is refused and left alone',
  async (_t, database) => {
    await migrate(database, { migrations: [first, second] })
    const reindented: Migration = { ...second, statements: second.statements.map((text) => ` ${text}\n`) }
    assert.deepEqual(await migrate(database, { migrations: [first, reindented] }), [])
    await assert.rejects(
      migrate(database, { migrations: [first, { ...second, statements: [`CREATE TABLE two (id TEXT)`] }] }),
      /written by another Tessera, whose 0002-second did something else/,
    )
  },
  { migrated: false },
)

eachEngine(
  'a database from before checksums were kept is believed, and held to them from then on',
  async (_t, database) => {
    await migrate(database, { migrations: [first] })
    await database.runInteraction('forget', (txn) => txn.run(`DROP TABLE migration_checksums`))
    assert.deepEqual(await migrate(database, { migrations: [first, second] }), ['0002-second'])
    await assert.rejects(migrate(database, { migrations: [{ ...first, statements: [] }, second] }), /whose 0001-first/)
  },
  { migrated: false },
)

eachEngine(
  'what will be done to a database that has been used is told before',
  async (_t, database) => {
    const told: (readonly string[])[] = []
    const onBegin = (names: readonly string[]): void => void told.push(names)
    await migrate(database, { migrations: [first], onBegin })
    assert.deepEqual(told, [], 'a new one takes no time')
    await migrate(database, { migrations: [first, second], onBegin })
    await migrate(database, { migrations: [first, second], onBegin })
    assert.deepEqual(told, [['0002-second']])
  },
  { migrated: false },
)
