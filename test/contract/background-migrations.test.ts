import assert from 'node:assert/strict'

import { systemClock } from '#base/clock.ts'
import { type Logger, silentLogger } from '#observability/logger.ts'
import { type BackgroundMigration, BackgroundMigrations, unfinishedMigrations } from '#storage/background-migrations.ts'
import { migrate } from '#storage/migrate.ts'
import { type Migration, migrations } from '#storage/migrations.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../databases.ts'

const rows = 200
const words: Migration = {
  name: '9001-words',
  statements: [`CREATE TABLE words (id INTEGER NOT NULL PRIMARY KEY, word TEXT NOT NULL)`],
}
const lengths: Migration = {
  name: '9002-lengths',
  statements: [`CREATE TABLE lengths (id INTEGER NOT NULL PRIMARY KEY, length INTEGER NOT NULL)`],
  hasBackground: true,
}
const before = [...migrations, words]
const after = [...before, lengths]

/** Keeps the length of every word, `size` of them in a step; counts its steps. */
function fillLengths(options: { readonly failAt?: number } = {}): BackgroundMigration & { steps: number } {
  const migration: BackgroundMigration & { steps: number } = {
    name: lengths.name,
    steps: 0,
    step: async (txn, { progress, size }) => {
      migration.steps += 1
      if (migration.steps === options.failAt) throw new Error('the disk has coughed')
      const last = Number(progress ?? 0)
      const some = await txn.all<{ id: number; word: string }>(
        `SELECT id, word FROM words WHERE id > ? ORDER BY id LIMIT ?`,
        last,
        Math.min(size, 16),
      )
      await txn.runMany(
        `INSERT INTO lengths (id, length) VALUES (?, ?)`,
        some.map(({ id, word }) => [id, word.length]),
      )
      const next = some.at(-1)
      return next === undefined ? 'done' : { progress: String(next.id), share: next.id / rows }
    },
  }
  return migration
}

/** A database with words of the version before, brought to the version after. */
async function withWords(database: Database): Promise<void> {
  await migrate(database, { migrations: before })
  await database.runInteraction('words', (txn) =>
    txn.runMany(
      `INSERT INTO words (id, word) VALUES (?, ?)`,
      Array.from({ length: rows }, (_, index) => [index + 1, 'x'.repeat(index % 7)]),
    ),
  )
  await migrate(database, { migrations: after })
}

function open(database: Database, logger = silentLogger): Promise<BackgroundMigrations> {
  return BackgroundMigrations.open({ database, clock: systemClock, logger })
}

async function lengthsKept(database: Database): Promise<number> {
  const row = await database.runInteraction('count', (txn) =>
    txn.get<{ n: number }>(`SELECT COUNT(*) AS n FROM lengths l JOIN words w ON w.id = l.id`),
  )
  return row?.n ?? 0
}

eachEngine(
  'a new database has nothing to do in the background',
  async (_t, database) => {
    await migrate(database, { migrations: after })
    const background = await open(database)
    assert.ok(background.isDone(lengths.name))
    assert.deepEqual(background.unfinished(), [])
    await background.run([])
    assert.throws(() => background.isDone('0001-rooms'), /no migration 0001-rooms runs in the background/)
  },
  { migrated: false },
)

eachEngine(
  'rows that were there are seen to in steps, and those who wait are told',
  async (_t, database) => {
    await withWords(database)
    const background = await open(database)
    assert.equal(background.isDone(lengths.name), false)
    assert.deepEqual(background.unfinished(), [{ name: lengths.name, share: 0 }])
    assert.throws(() => void background.run([]), /nothing does the background part of 9002-lengths/)
    const fill = fillLengths()
    const done = background.whenDone(lengths.name)
    await background.run([fill])
    await done
    assert.ok(fill.steps > 5)
    assert.equal(await lengthsKept(database), rows)
    assert.ok(background.isDone(lengths.name))
    assert.ok((await open(database)).isDone(lengths.name))
  },
  { migrated: false },
)

eachEngine(
  'a migration that stops after any step goes on from there after a restart',
  async (_t, database) => {
    await withWords(database)
    const shares: number[] = []
    for (let restarts = 0; ; restarts += 1) {
      const background = await open(database)
      if (background.isDone(lengths.name)) break
      shares.push(background.unfinished()[0]?.share ?? 1)
      assert.deepEqual(await database.runInteraction('look', unfinishedMigrations), background.unfinished())
      const fill = fillLengths()
      const step: BackgroundMigration['step'] = (txn, at) => {
        void background.stop()
        return fill.step(txn, at)
      }
      await background.run([{ name: lengths.name, step }])
      assert.ok(restarts < rows)
    }
    assert.ok(shares.length > 5)
    assert.deepEqual(
      shares,
      [...new Set(shares)].sort((a, b) => a - b),
    )
    assert.equal(await lengthsKept(database), rows)
  },
  { migrated: false },
)

eachEngine(
  'a step that fails leaves nothing of itself, is told of, and is tried again',
  async (_t, database) => {
    await withWords(database)
    const told: string[] = []
    const logger: Logger = { ...silentLogger, error: (message) => told.push(message) }
    const background = await open(database, logger)
    await background.run([fillLengths({ failAt: 3 })])
    assert.deepEqual(told, ['A step of a migration failed and will be tried again'])
    assert.equal(await lengthsKept(database), rows)
  },
  { migrated: false },
)

eachEngine(
  'several that run it at once do each row once',
  async (_t, database) => {
    await withWords(database)
    const all = await Promise.all([open(database), open(database), open(database)])
    await Promise.all(all.map((background) => background.run([fillLengths()])))
    assert.equal(await lengthsKept(database), rows)
    for (const background of all) assert.ok(background.isDone(lengths.name))
  },
  { migrated: false },
)
