import assert from 'node:assert/strict'

import { isAuthOrdered } from '#storage/auth-chains.ts'
import { packNids } from '#storage/packed-nids.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../../test/databases.ts'
import { rowsOfRoom } from '../../test/graph-invariants.ts'
import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import { authChainsBackfill } from './auth-chains.ts'
import type { Room } from './known-rooms.ts'
import { RoomState } from './room-state.ts'

const alice = someone('alice')

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>

/** A room in which alice renames herself, some of the time while others speak. */
async function renamed(floor: Floor, times: number): Promise<Room> {
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  const type = 'm.room.member'
  for (let at = 0; at < times; at += 10) {
    const sends = Array.from({ length: Math.min(10, times - at) }, (_, index) => {
      const content = { membership: 'join', displayname: `Alice ${at + index}` }
      return floor.sendEvent.send({ requester: alice, room, type, stateKey: alice.userId, content })
    })
    await Promise.all(sends)
  }
  await floor.authChains.flush()
  return room
}

async function indexRows(database: Database, room: Room): Promise<number> {
  return (await rowsOfRoom(database, room.roomNid))['auth_chains'] ?? 0
}

async function assertNoFaults(database: Database): Promise<void> {
  for await (const { faults } of RoomState.faults(database)) assert.deepEqual(faults, [])
}

eachEngine('what people change again and again gets into the index, and nothing else does', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const few = await renamed(floor, 10)
  const many = await renamed(floor, 150)
  assert.equal(await indexRows(database, few), 0)
  assert.equal(await indexRows(database, many), 3)
  assert.equal(await database.runInteraction('order', (txn) => isAuthOrdered(txn, many.roomNid)), true)
  const { disordered } = await database.runInteraction('edges', async (txn) => {
    const rows = await txn.all<{ nid: number; authNids: Uint8Array | null }>(
      'SELECT event_nid AS nid, auth_nids AS "authNids" FROM events WHERE key_nid IS NOT NULL',
    )
    // Distances of events that are older are even numbers.
    return { disordered: rows.filter(({ authNids }) => authNids !== null && (authNids[0] ?? 0) % 2 === 1) }
  })
  assert.deepEqual(disordered, [])
  await assertNoFaults(database)
})

eachEngine('purges take the index along, and leave it right for what stays', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await renamed(floor, 150)
  await floor.purge.history(room, 100)
  await assertNoFaults(database)
  assert.equal(await indexRows(database, room), 3, 'all that authorizes what stays has stayed')
  await floor.purge.room(room)
  assert.deepEqual(await rowsOfRoom(database, room.roomNid), {})
})

eachEngine('a database from before the index is indexed in the background', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await renamed(floor, 150)
  const strange = await renamed(floor, 3)
  await database.runInteraction('before', async (txn) => {
    await txn.run('DELETE FROM auth_chains')
    await txn.run('INSERT INTO auth_disorder (room_nid) SELECT room_nid FROM rooms')
    // As two requests at once could leave it: the event that authorizes another has the greater number.
    const row = await txn.get<{ nid: number }>(
      'SELECT MIN(event_nid) AS nid FROM events WHERE room_nid = ? AND auth_nids IS NOT NULL',
      strange.roomNid,
    )
    const nid = row?.nid ?? 0
    await txn.run('UPDATE events SET auth_nids = ? WHERE event_nid = ?', packNids(nid, [nid + 1]), nid)
  })
  let progress: string | undefined
  for (let step = 0; step < 100; step++) {
    const next = await database.runInteraction('step', (txn) => authChainsBackfill.step(txn, { progress, size: 50 }))
    if (next === 'done') break
    progress = next.progress
  }
  assert.equal(await indexRows(database, room), 3)
  const ordered = (nid: number) => database.runInteraction('order', (txn) => isAuthOrdered(txn, nid))
  assert.deepEqual([await ordered(room.roomNid), await ordered(strange.roomNid)], [true, false])
  await assertNoFaults(database)
})
