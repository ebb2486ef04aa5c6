import type { Room } from '#rooms/known-rooms.ts'
import { RoomState } from '#rooms/room-state.ts'
import { currentStates } from '#storage/current-state.ts'
import { eventsInStreamRange, type EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'

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
  addRatio: { max: 1.5 },
}
/** Members of the room that the larger one is compared with. */
const fewMembers = 200

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
      const small = await aRoom(floor)
      await fill(floor, small, fewMembers)
      await database.close()
      return {
        stateBytesAChange: after.state / (members + changes),
        churnBytesAChange: (after.state - before.state) / changes,
        diskBytesAChange: after.all / (members + changes),
        ...(await readTimes(place, room, rows)),
        ...(await oneMore(place, { room, members }, small)),
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
    for (let change = 0; change < 3_000; change++)
      await member(floor, room, (change * 7_919) % 200, `Renamed ${change}`)
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

/**
 * Cold: nothing of any state in this process's memory, each time anew; what the database keeps in its own stays there.
 * Warm: what was just asked for.
 */
async function readTimes(place: DatabasePlace, room: Room, rows: readonly EventRow[]): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  const fresh = (): RoomState => new RoomState(floor)
  const step = Math.max(1, Math.floor(rows.length / samples))
  const picked = rows.filter((_, index) => index % step === 0)
  const nidsOf = (row: EventRow): [number[], number[]] => [[row.stateAfter ?? 0], [row.keyNid ?? 0]]
  const around = (row: EventRow): [number, number] => [row.stateBefore ?? 0, row.stateAfter ?? 0]
  const state = fresh()
  const keys = await times(picked, (row) => fresh().keysAt(...nidsOf(row)))
  for (const row of picked) await state.keysAt(...nidsOf(row))
  const keysWarm = await times(picked, (row) => state.keysAt(...nidsOf(row)))
  await state.current(room)
  const all = await times(picked.slice(0, 20), () => state.current(room))
  const old = picked.slice(0, 10)
  const allCold = await times(old, (row) => fresh().at(row.stateAfter ?? 0))
  for (const row of old.slice(0, 3)) await state.at(row.stateAfter ?? 0)
  const allWarm = await times(old.slice(0, 3), (row) => state.at(row.stateAfter ?? 0))
  const rest = await times(picked.slice(0, 20), (row) => fresh().partAt(row.stateAfter ?? 0, 'withoutMembers'))
  const restNow = await times(picked.slice(0, 20), () =>
    database.runInteraction('bench_rest', (txn) => currentStates(txn, [room.roomNid], false), { readOnly: true }),
  )
  const neighbours = await times(picked, (row) => state.difference(...around(row)))
  const oldest = rows.at(-1)
  const far = await times(picked.slice(0, 20), (row) => state.difference(oldest?.stateBefore ?? 0, row.stateAfter ?? 0))
  await database.close()
  return {
    keyColdMs: keys.p50Ms,
    keyColdP95Ms: keys.p95Ms,
    keyWarmMs: keysWarm.p50Ms,
    currentWarmMs: all.p50Ms,
    allColdMs: allCold.p50Ms,
    allWarmMs: allWarm.p50Ms,
    withoutMembersColdMs: rest.p50Ms,
    withoutMembersNowMs: restNow.p50Ms,
    neighboursMs: neighbours.p50Ms,
    neighboursP95Ms: neighbours.p95Ms,
    farMs: far.p50Ms,
  }
}

/** What one more state event costs, one after another, when the room is in memory; and what in a room of few. */
async function oneMore(
  place: DatabasePlace,
  large: { readonly room: Room; readonly members: number },
  small: Room,
): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  const started = performance.now()
  await member(floor, large.room, 0, 'First')
  const loadMs = performance.now() - started
  await member(floor, small, 0, 'First')
  const add = (room: Room, members: number) => (index: number) =>
    member(floor, room, (index * 31) % members, `Once more ${index}`)
  const indexes = Array.from({ length: samples }, (_, index) => index)
  // Turn by turn: what else the machine does falls on both.
  const turns = indexes.flatMap((index) => [
    { index, add: add(small, fewMembers), large: false },
    { index, add: add(large.room, large.members), large: true },
  ])
  const latencies: Record<'true' | 'false', number[]> = { true: [], false: [] }
  for (const turn of turns) {
    const before = performance.now()
    await turn.add(turn.index)
    latencies[`${turn.large}`].push(performance.now() - before)
  }
  await database.close()
  const addMs = percentiles(latencies.true).p50Ms
  return { loadMs, addMs, addRatio: addMs / percentiles(latencies.false).p50Ms }
}

/** How long the work takes for each, in milliseconds. */
async function times<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<{ p50Ms: number; p95Ms: number }> {
  const latencies: number[] = []
  for (const item of items) {
    const before = performance.now()
    await work(item)
    latencies.push(performance.now() - before)
  }
  return percentiles(latencies)
}
