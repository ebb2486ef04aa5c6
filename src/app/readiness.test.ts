import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '#storage/transaction.ts'
import { whyNotReady } from './readiness.ts'

function database(answer: () => Promise<unknown>): Database {
  return {
    engine: 'sqlite',
    runInteraction: (async () => answer()) as Database['runInteraction'],
    close: async () => undefined,
  }
}

const lively = { all: [{ name: 'events', lag: { positions: 3, oldestMs: 20 } }] }
const sound = { database: database(async () => undefined), streams: lively, stopping: () => false }

test('a server whose database answers is ready, however much is being written', async () => {
  assert.equal(await whyNotReady(sound), undefined)
})

test('a server that is about to stop is not ready', async () => {
  assert.match((await whyNotReady({ ...sound, stopping: () => true })) ?? '', /stopping/)
})

test('a server whose database is away is not ready, and does not say why to strangers', async () => {
  const away = database(() => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7')))
  assert.equal(await whyNotReady({ ...sound, database: away }), 'The database cannot be reached.')
})

test('a server whose database says nothing says so before whoever asks gives up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const answer = whyNotReady({ ...sound, database: database(() => new Promise(() => undefined)) })
  t.mock.timers.tick(3_000)
  assert.match((await answer) ?? '', /in time/)
})

test('a server with a stream that stands still is not ready', async () => {
  const streams = { all: [...lively.all, { name: 'receipts', lag: { positions: 1, oldestMs: 121_000 } }] }
  assert.equal(await whyNotReady({ ...sound, streams }), 'The stream receipts stands still.')
})
