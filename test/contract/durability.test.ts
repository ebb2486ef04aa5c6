import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { silentLogger } from '#observability/logger.ts'
import { DatabaseError } from '#storage/database-error.ts'
import { openDatabase } from '#storage/database-pool.ts'

import { engines, testDatabaseUrl } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'

const program = fileURLToPath(new URL('counter-process.ts', import.meta.url))
/** Answers to wait for before the process is killed. */
const answersMin = 200
const rounds = 5

function startCounter(url: string, first: number): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [program, url, String(first)], { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Lets the process count until it has answered enough, kills it, and gives what it had answered. */
async function countAndKill(url: string, first: number): Promise<number[]> {
  const counter = startCounter(url, first)
  const answered: number[] = []
  for await (const line of createInterface(counter.stdout)) {
    answered.push(Number(line))
    if (answered.length === answersMin) counter.kill('SIGKILL')
  }
  return answered
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false

  test(`whatever was answered before kill -9 is there afterwards, once (${engine})`, { skip }, async (t) => {
    const url = await testDatabaseUrl(t, { engine, migrated: false })
    const setUp = await openDatabase({ url, logger: silentLogger })
    await setUp.runInteraction('make', (txn) => txn.run(`CREATE TABLE counted (number INTEGER NOT NULL)`))
    await setUp.close()
    for (let round = 0; round < rounds; round += 1) {
      const first = round * 1_000_000
      const answered = await countAndKill(url, first)
      assert.ok(answered.length >= answersMin)
      const database = await openDatabase({ url, logger: silentLogger })
      const rows = await database.runInteraction('read', (txn) =>
        txn.all<{ number: number }>(`SELECT number FROM counted WHERE number >= ?`, first),
      )
      await database.close()
      const found = rows.map((row) => row.number)
      assert.equal(new Set(found).size, found.length)
      assert.deepEqual(
        answered.filter((number) => !found.includes(number)),
        [],
      )
    }
  })
}

for (const engine of engines) {
  test(`a second process on the same database is refused with one clear error (${engine})`, async (t) => {
    const url = await testDatabaseUrl(t, { engine, migrated: false })
    const database = await openDatabase({ url, logger: silentLogger })
    await database.runInteraction('make', (txn) => txn.run(`CREATE TABLE counted (number INTEGER NOT NULL)`))
    await assert.rejects(openDatabase({ url, logger: silentLogger }), (error: unknown) => {
      return error instanceof DatabaseError && error.kind === 'in_use'
    })
    const second = startCounter(url, 0)
    const complaint: string[] = []
    second.stderr.on('data', (chunk: Buffer) => complaint.push(chunk.toString()))
    const [code] = (await once(second, 'close')) as [number]
    assert.notEqual(code, 0)
    assert.match(complaint.join(''), /is in use by another/)
    await database.runInteraction('still', (txn) => txn.run(`INSERT INTO counted (number) VALUES (1)`))
    await database.close()
  })
}
