import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import pg from 'pg'

import { testDatabaseUrl } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'
import { postgresStatement } from '#storage/engines/postgres-text.ts'
import { sqliteText } from '#storage/engines/sqlite-connection.ts'

import { type StatementText, statementTexts } from './statement-texts.ts'

const statements = statementTexts()

/** What is wrong with the statements, each with its place. */
async function faults(check: (statement: StatementText) => Promise<void> | void): Promise<string[]> {
  const found: string[] = []
  for (const statement of statements) {
    try {
      await check(statement)
    } catch (error) {
      found.push(`${statement.place}: ${error instanceof Error ? error.message : String(error)}\n${statement.sql}`)
    }
  }
  return found
}

test('every statement of the stores fits the tables (sqlite)', async (t) => {
  const url = await testDatabaseUrl(t)
  const database = new DatabaseSync(url.slice('sqlite:'.length))
  assert.ok(statements.length > 50, `only ${statements.length} statements were found`)
  assert.deepEqual(await faults(({ sql }) => void database.prepare(sqliteText(sql))), [])
  database.close()
})

test('every statement of the stores fits the tables (postgres)', { skip: postgresMissing() ?? false }, async (t) => {
  const client = new pg.Client({ connectionString: await testDatabaseUrl(t, { engine: 'postgres' }) })
  await client.connect()
  const check = async ({ sql }: StatementText): Promise<void> => {
    const { text } = postgresStatement(sql)
    if (!/^\s*create/i.test(text)) await client.query(`PREPARE statement AS ${text}`)
    await client.query(`DEALLOCATE ALL`)
  }
  assert.deepEqual(await faults(check), [])
  await client.end()
})

test('columns have the same names on both engines', () => {
  const unquoted = statements.filter(({ sql }) => /\b[Aa][Ss]\s+[a-z_]+[A-Z]/.test(sql))
  assert.deepEqual(unquoted, [], 'an alias with capitals stands in double quotes')
})
