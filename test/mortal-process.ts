/**
 * Does one piece of work on a database and kills itself, as `kill -9` does, before step `at` of it: a step is the start
 * of an interaction, a statement, or the moment after a commit. Prints each thing that it may call done, and at the
 * end, if it gets there, `steps N`. Started by `torn-write.test.ts` with its task as JSON.
 */
import { writeSync } from 'node:fs'

import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import type { RoomId } from '#protocol/identifiers.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { openDatabase } from '#storage/database-pool.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

import { openRoomsFloor, someone } from './rooms-floor.ts'
import { forkedGraph, keptWords, purgeDepth, receiveGraph } from './torn-work.ts'

export interface Task {
  readonly url: string
  readonly work: 'send' | 'receive' | 'purge history' | 'purge room' | 'migrate'
  readonly roomId: string
  /** 0: never. */
  readonly at: number
}

let steps = 0
let armed = false

function step(at: number): void {
  if (!armed) return
  steps += 1
  if (steps === at) process.kill(process.pid, 'SIGKILL')
}

function mortal(database: Database, at: number): Database {
  const mortalTransaction = (txn: Transaction): Transaction => ({
    name: txn.name,
    all: (sql, ...params) => (step(at), txn.all(sql, ...params)),
    get: (sql, ...params) => (step(at), txn.get(sql, ...params)),
    run: (sql, ...params) => (step(at), txn.run(sql, ...params)),
    runMany: (sql, rows) => (step(at), txn.runMany(sql, rows)),
    afterCommit: (callback) => txn.afterCommit(callback),
    afterRollback: (callback) => txn.afterRollback(callback),
  })
  return {
    engine: database.engine,
    close: () => database.close(),
    runInteraction: async (name, fn, options) => {
      if (options?.readOnly === true) return database.runInteraction(name, fn, options)
      step(at)
      const value = await database.runInteraction(name, (txn) => fn(mortalTransaction(txn)), options)
      step(at)
      return value
    },
  }
}

function done(what: string): void {
  writeSync(1, `${what}\n`)
}

async function send({ sendEvent, knownRooms }: Floor, roomId: string): Promise<void> {
  const room = await knownRooms.require(roomId as RoomId)
  const requester = someone('alice')
  const message = { requester, room, type: 'm.room.message' }
  const state = { requester, room, type: 'm.room.topic', stateKey: '' }
  for (let at = 0; at < 3; at += 1) {
    done(await sendEvent.send({ ...message, content: { at }, txnId: `t${at}` }))
    done(await sendEvent.send({ ...state, content: { topic: `${at}` } }))
  }
}

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>

// Rests between the steps of long work do not keep a process alive.
const alive = setInterval(() => undefined, 60_000)
const { url, work, roomId, at } = JSON.parse(process.argv[2] ?? '') as Task
const database = mortal(await openDatabase({ url, logger: silentLogger }), at)
const floor = await openRoomsFloor(database)
armed = true
if (work === 'send') await send(floor, roomId)
if (work === 'receive') for await (const eventId of receiveGraph(floor, forkedGraph())) done(eventId)
if (work === 'purge history' || work === 'purge room') {
  const room = await floor.knownRooms.require(roomId as RoomId)
  await (work === 'purge room' ? floor.purge.room(room) : floor.purge.history(room, purgeDepth))
}
if (work === 'migrate') {
  const background = await BackgroundMigrations.open({ database, clock: systemClock, logger: silentLogger })
  await background.run([keptWords])
}
armed = false
await database.close()
done(`steps ${steps}`)
clearInterval(alive)
