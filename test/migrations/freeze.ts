/**
 * Makes a database with something of everything, by the code as it stands, and freezes it under the number of its newest
 * migration: `node test/migrations/freeze.ts`. To be run once for a version that people have used, and never again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { silentLogger } from '#observability/logger.ts'
import { openDatabase } from '#storage/database-pool.ts'
import { migrate } from '#storage/migrate.ts'
import { migrations } from '#storage/migrations.ts'
import { startPurge } from '#storage/purge.ts'

import { openTalkers } from '../talkers.ts'
import { someGraph, somePeople, someRooms, someTalk } from './everything.ts'

/** All rows of all tables as text, a line for each table. */
function textOfDatabase(file: string): string {
  const database = new DatabaseSync(file)
  const tables = database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`)
    .all() as { name: string }[]
  const lines: string[] = []
  for (const { name: table } of tables) {
    if (['schema_migrations', 'migration_checksums'].includes(table)) continue
    const columns = (database.prepare(`SELECT name FROM pragma_table_info(?)`).all(table) as { name: string }[]).map(
      (column) => column.name,
    )
    const statement = database.prepare(`SELECT ${columns.join(', ')} FROM ${table}`)
    const rows = statement
      .all()
      .map((row) =>
        Object.values(row).map((value) =>
          value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
        ),
      )
    if (rows.length > 0) lines.push(JSON.stringify({ table, columns, rows }))
  }
  database.close()
  return lines.map((line) => `${line}\n`).join('')
}

const folder = mkdtempSync(join(tmpdir(), 'tessera-freeze-'))
const file = join(folder, 'frozen.db')
const ends: (() => unknown)[] = []
const database = await openDatabase({ url: `sqlite:${file}`, logger: silentLogger })
await migrate(database)
const { alice, bob, carol } = await openTalkers(
  { after: (end: () => unknown) => ends.push(end) } as unknown as TestContext,
  database,
)
await somePeople(alice, bob)
await someTalk(alice, bob, carol)
const purged = await someRooms(alice, bob, carol)
for (const end of ends.reverse()) await end()
await someGraph(database)
await database.runInteraction('purge', async (txn) => {
  const row = await txn.get<{ room_nid: number }>(`SELECT room_nid FROM rooms WHERE room_id = ?`, purged)
  await startPurge(txn, { roomNid: row?.room_nid ?? 0, beforeDepth: 12 })
})
await database.close()
const version = (migrations.at(-1)?.name ?? '').slice(0, 4)
const text = textOfDatabase(file)
writeFileSync(new URL(`frozen/${version}.jsonl`, import.meta.url), text)
rmSync(folder, { recursive: true })
process.stdout.write(`frozen/${version}.jsonl: ${text.length} bytes\n`)
