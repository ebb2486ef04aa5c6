import { type Room } from '#rooms/known-rooms.ts'
import { type RoomState } from '#rooms/room-state.ts'
import { eventsInStreamRange, type EventRow } from '#storage/events.ts'
import { type Database } from '#storage/transaction.ts'

import { openRoomsFloor } from '../../test/rooms-floor.ts'
import { bytesOnDisk, printUsage, type DatabasePlace, type DatabaseScenario } from '../kit/database-place.ts'
import { percentiles, type Figures } from '../kit/measure.ts'
import { aRoom, fill, loadBatch, member, type RoomsFloor } from '../kit/room-load.ts'

const stateTables = ['state_nodes', 'state_chunks']
const churnShare = 0.1
const samples = 200

const readTargets = {
  stateBytesAChange: { max: 48 },
  keyWarmMs: { max: 0.02 },
  keyColdMs: { max: 0.5 },
  allWarmMs: { max: 10 },
  neighboursMs: { max: 0.2 },
}

/** Rooms whose people come and then change, a tenth of them. */
function churn(members: number): DatabaseScenario {
  return {
    name: `state-${members}`,
    about: `${members} members, 10 % of them change`,
    targets: readTargets,
    run: async (place) => {
      const database = await place.open()
      const floor = await openRoomsFloor(database)
      const room = await aRoom(floor)
      await fill(floor, room, members)
      const before = await sizes(database)
      const changes = Math.round(members * churnShare)
      await renameSome(floor, room, { members, changes })
      const after = await sizes(database)
      await printUsage(database, members + changes, 'state change')
      const rows = await lastRows(database, room, changes)
      await database.close()
      return {
        stateBytesAChange: after.state / (members + changes),
        churnBytesAChange: (after.state - before.state) / changes,
        diskBytesAChange: after.all / (members + changes),
        ...(await readTimes(place, room, rows)),
        ...(await oneMore(place, room, members)),
      }
    },
  }
}

const renames: DatabaseScenario = {
  name: 'state-renames',
  about: '200 members rename themselves 3,000 times',
  targets: { diskBytesAChange: { max: 850 } },
  run: async (place) => {
    const database = await place.open()
    const floor = await openRoomsFloor(database)
    const room = await aRoom(floor)
    await fill(floor, room, 200)
    const before = await sizes(database)
    await renameSome(floor, room, { members: 200, changes: 3_000 })
    const after = await sizes(database)
    await printUsage(database, 3_200, 'state change')
    await database.close()
    return {
      diskBytesAChange: (after.all - before.all) / 3_000,
      stateBytesAChange: (after.state - before.state) / 3_000,
    }
  },
}

export const stateScenarios: readonly DatabaseScenario[] = [renames, churn(13_000), churn(100_000)]

async function sizes(database: Database): Promise<{ all: number; state: number }> {
  return { all: await bytesOnDisk(database), state: await bytesOnDisk(database, stateTables) }
}

async function renameSome(
  floor: RoomsFloor,
  room: Room,
  { members, changes }: { readonly members: number; readonly changes: number },
): Promise<void> {
  for (let first = 0; first < changes; first += loadBatch) {
    const count = Math.min(loadBatch, changes - first)
    const indexes = Array.from({ length: count }, (_, at) => ((first + at) * 7_919) % members)
    await Promise.all(indexes.map((index, at) => member(floor, room, index, `Renamed ${first + at}`)))
  }
}

async function lastRows(database: Database, room: Room, limit: number): Promise<EventRow[]> {
  const range = { roomNid: room.roomNid, after: 0, upTo: Number.MAX_SAFE_INTEGER, limit, newestFirst: true }
  return database.runInteraction('last_rows', (txn) => eventsInStreamRange(txn, range), { readOnly: true })
}

/** A `RoomState` that has nothing in memory. */
async function coldState(place: DatabasePlace): Promise<{ database: Database; state: RoomState }> {
  const database = await place.open()
  return { database, state: (await openRoomsFloor(database)).roomState }
}

async function readTimes(place: DatabasePlace, room: Room, rows: readonly EventRow[]): Promise<Figures> {
  const { database, state } = await coldState(place)
  const step = Math.max(1, Math.floor(rows.length / samples))
  const picked = rows.filter((_, index) => index % step === 0)
  const nidsOf = (row: EventRow): [number[], number[]] => [[row.stateAfter ?? 0], [row.keyNid ?? 0]]
  const cold = await times(picked, (row) => state.keysAt(...nidsOf(row)))
  const warm = await times(picked, (row) => state.keysAt(...nidsOf(row)))
  await state.current(room)
  const all = await times(picked.slice(0, 20), () => state.current(room))
  const old = picked.slice(1, 6)
  const allCold = await times(old, (row) => state.at(row.stateAfter ?? 0))
  const allWarm = await times(old, (row) => state.at(row.stateAfter ?? 0))
  const neighbours = await times(picked.slice(10), (row) => state.difference(row.stateBefore ?? 0, row.stateAfter ?? 0))
  await database.close()
  return {
    keyColdMs: cold,
    keyWarmMs: warm,
    currentWarmMs: all,
    allColdMs: allCold,
    allWarmMs: allWarm,
    neighboursMs: neighbours,
  }
}

/** What one more state event costs, one after another, when the room is in memory. */
async function oneMore(place: DatabasePlace, room: Room, members: number): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  const started = performance.now()
  await member(floor, room, 0, 'First')
  const loadMs = performance.now() - started
  const indexes = Array.from({ length: samples }, (_, index) => (index * 31) % members)
  const addMs = await times(indexes, (index) => member(floor, room, index, `Once more ${index}`))
  await database.close()
  return { loadMs, addMs }
}

/** The median time, in milliseconds. */
async function times<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<number> {
  const latencies: number[] = []
  for (const item of items) {
    const before = performance.now()
    await work(item)
    latencies.push(performance.now() - before)
  }
  return percentiles(latencies).p50Ms
}
