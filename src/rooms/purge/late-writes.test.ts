import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { parseRoomId } from '#protocol/identifiers.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

import { eachEngine } from '../../../test/databases.ts'
import { rowsOfRoom } from '../../../test/graph-invariants.ts'
import { openTalkers } from '../../../test/talkers.ts'

/**
 * A database in which the interactions of one name wait: on PostgreSQL after a first look at the rooms, which is their
 * snapshot, on SQLite for their turn.
 */
class Held implements Database {
  readonly engine: Database['engine']
  readonly #plain: Database
  readonly #write: string
  readonly #look: string
  readonly #go = Promise.withResolvers<void>()
  readonly #came = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #deleting = Promise.withResolvers<void>()

  constructor(plain: Database, { write, look = 'SELECT room_nid FROM rooms' }: { write: string; look?: string }) {
    this.engine = plain.engine
    this.#plain = plain
    this.#write = write
    this.#look = look
  }

  /** Resolves when one has come. */
  came(): Promise<void> {
    return this.#came.promise
  }

  /** Resolves when a room's own row is about to be deleted. */
  deleting(): Promise<void> {
    return this.#deleting.promise
  }

  /** Lets them go on; resolves when one has ended. */
  release(): Promise<void> {
    this.#go.resolve()
    return this.#ended.promise
  }

  close(): Promise<void> {
    return this.#plain.close()
  }

  async runInteraction<T>(
    name: string,
    fn: (txn: Transaction) => Promise<T>,
    options?: Parameters<Database['runInteraction']>[2],
  ): Promise<T> {
    if (name === 'purge_room') this.#deleting.resolve()
    if (name !== this.#write) return this.#plain.runInteraction(name, fn, options)
    try {
      if (this.engine === 'sqlite') await this.#wait()
      return await this.#plain.runInteraction(name, (txn) => this.#afterLook(txn, fn), options)
    } finally {
      this.#ended.resolve()
    }
  }

  async #afterLook<T>(txn: Transaction, fn: (txn: Transaction) => Promise<T>): Promise<T> {
    if (this.engine === 'postgres') {
      await txn.all(this.#look)
      await this.#wait()
    }
    return fn(txn)
  }

  #wait(): Promise<void> {
    this.#came.resolve()
    return this.#go.promise
  }
}

/** A room of Alice and Bob, behind doors at which one kind of write waits. */
async function aRoom(t: TestContext, held: Held) {
  const { people, alice, bob } = await openTalkers(t, held)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `/_matrix/client/v3/join/${roomId}`)
  const room = await people.knownRooms.require(parseRoomId(roomId))
  return { people, alice, bob, room }
}

eachEngine('a receipt that comes while its room goes is dropped', async (t, database) => {
  const held = new Held(database, { write: 'set_receipts' })
  const { people, alice, bob, room } = await aRoom(t, held)
  const eventId = await alice.say(room.roomId, 'read me')
  const late = bob.call('POST', `/_matrix/client/v3/rooms/${room.roomId}/receipt/m.read/${eventId}`, {})
  await held.came()
  await people.purge.room(room)
  await held.release()
  await late
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})

eachEngine('a receipt that is written at the very end of its room goes with it', async (t, database) => {
  const look = 'SELECT room_nid FROM rooms FOR KEY SHARE'
  const held = new Held(database, { write: 'set_receipts', look })
  const { people, alice, bob, room } = await aRoom(t, held)
  const eventId = await alice.say(room.roomId, 'read me')
  const late = bob.call('POST', `/_matrix/client/v3/rooms/${room.roomId}/receipt/m.read/${eventId}`, {})
  await held.came()
  const purged = people.purge.room(room)
  await held.deleting()
  await held.release()
  await Promise.all([purged, late])
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})

eachEngine('an alias that is made while its room goes is refused', async (t, database) => {
  const held = new Held(database, { write: 'create_alias' })
  const { people, alice, room } = await aRoom(t, held)
  const path = `/_matrix/client/v3/directory/room/${encodeURIComponent('#late:example.org')}`
  const late = alice.call('PUT', path, { room_id: room.roomId })
  await held.came()
  await people.purge.room(room)
  await held.release()
  const { status, body } = await late
  assert.deepEqual([status, body.errcode], [404, 'M_NOT_FOUND'])
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})

eachEngine('counters that are moved on while their room goes are dropped', async (t, database) => {
  const held = new Held(database, { write: 'count_unread' })
  const { people, alice, room } = await aRoom(t, held)
  for (let at = 0; at < 50; at++) await alice.say(room.roomId, `message ${at}`)
  await held.came()
  await people.purge.room(room)
  await held.release()
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})

eachEngine('auth chains that are indexed while their room goes are dropped', async (t, database) => {
  const held = new Held(database, { write: 'index_auth_chains' })
  const { people, alice, room } = await aRoom(t, held)
  for (let at = 0; at < 70; at++) await alice.state(room.roomId, 'm.room.power_levels', { events_default: at % 2 })
  await held.came()
  await people.purge.room(room)
  await held.release()
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})
