import type { Streams } from '#streams/streams.ts'
import type { Ground } from './ground.ts'
import type { StorageFloor } from './storage.ts'
import type { UsersFloor } from './users.ts'

/** The event graph: one member for each capability of rooms/, named as its file. */
export interface RoomsFloor {}

/** Builds the capabilities of rooms/, each from what it names. */
export function openRooms(_below: Ground & StorageFloor & UsersFloor & { readonly streams: Streams }): RoomsFloor {
  return {}
}
