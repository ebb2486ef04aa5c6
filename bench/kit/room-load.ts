import { parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '#rooms/known-rooms.ts'

import { type openRoomsFloor, someone, testServerName } from '../../test/rooms-floor.ts'

/** The write side of rooms, as the server builds it. */
export type RoomsFloor = Awaited<ReturnType<typeof openRoomsFloor>>

/** Events that are written at once by a load that does not wait for each. */
export const loadBatch = 500

/** A public room of alice's. */
export async function aRoom(floor: RoomsFloor): Promise<Room> {
  return floor.knownRooms.require(await floor.createRoom.create(someone('alice'), { preset: 'public_chat' }))
}

/** Writes the member event of person number `index`, who is in the room or comes in; gives its state. */
export async function member(floor: RoomsFloor, room: Room, index: number, displayname: string): Promise<void> {
  const userId = parseUserId(`@person-${index}:${testServerName}`)
  const content: JsonObject = { displayname, membership: 'join' }
  await floor.roomWriter.write(room, { type: 'm.room.member', sender: userId, stateKey: userId, content })
}

/** Brings `count` people into the room. */
export async function fill(floor: RoomsFloor, room: Room, count: number): Promise<void> {
  for (let first = 0; first < count; first += loadBatch) {
    const indexes = Array.from({ length: Math.min(loadBatch, count - first) }, (_, at) => first + at)
    const userIds = indexes.map((index) => parseUserId(`@person-${index}:${testServerName}`))
    await floor.interned.userNids(userIds)
    await floor.interned.keyNids(userIds.map((stateKey) => ({ type: 'm.room.member', stateKey })))
    await Promise.all(indexes.map((index) => member(floor, room, index, `Person ${index}`)))
  }
}
