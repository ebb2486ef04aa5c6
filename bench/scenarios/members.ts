import { parseUserId } from '#protocol/identifiers.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { RoomSummary } from '#rooms/room-summary.ts'
import { setMemberships, type NewMembership } from '#storage/memberships.ts'

import { openRoomsFloor, someone, testServerName } from '../../test/rooms-floor.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
import { percentiles, type Figures } from '../kit/measure.ts'
import { aRoom, type RoomsFloor } from '../kit/room-load.ts'

const fewMembers = 100
const manyMembers = 100_000
const setAtOnce = 1_000
const samples = 200

/** A room whose members have all come with one event, as they do when a room is joined over federation. */
async function roomOf(floor: RoomsFloor, members: number): Promise<Room> {
  const room = await aRoom(floor)
  for (let set = 0; set < members; set += setAtOnce) {
    const size = Math.min(setAtOnce, members - set)
    const userIds = Array.from({ length: size }, (_, index) =>
      parseUserId(`@member-${set + index}:server-${index}.example`),
    )
    const nids = await floor.interned.userNids(userIds)
    const changes = userIds.map((userId) => {
      const userNid = nids.get(userId) ?? 0
      const row: NewMembership = {
        ...{ roomNid: room.roomNid, userNid, membership: 'join', eventNid: userNid, senderNid: userNid },
        ...{ streamPosition: 1, local: 0, forgotten: 0 },
      }
      return { userId, row }
    })
    await floor.database.runInteraction('set_members', (txn) => setMemberships(txn, changes))
  }
  return room
}

async function summing(floor: RoomsFloor, room: Room): Promise<number> {
  const summary = new RoomSummary(floor)
  const reader = someone('alice').userId
  const latencies: number[] = []
  for (let index = -20; index < samples; index++) {
    const before = performance.now()
    const told = (await summary.members(reader, [room.roomNid])).get(room.roomNid)
    if (index >= 0) latencies.push(performance.now() - before)
    if (told?.heroes.length !== 5) throw new Error(`a room of ${testServerName} has no heroes`)
  }
  return percentiles(latencies).p50Ms
}

async function run(place: DatabasePlace): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  const few = await roomOf(floor, fewMembers)
  const many = await roomOf(floor, manyMembers)
  const summaryOfFew = await summing(floor, few)
  const summaryMs = await summing(floor, many)
  await database.close()
  return { summaryMs, summaryRatio: summaryMs / summaryOfFew }
}

/** Naming and sizing a room costs the same however many are in it. */
export const memberScenarios: readonly DatabaseScenario[] = [
  {
    name: 'members',
    about: `a room of ${manyMembers} in a few words, for ${fewMembers}`,
    targets: { summaryRatio: { max: 1.5 } },
    run,
  },
]
