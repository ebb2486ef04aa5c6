import type { Streams } from '#streams/streams.ts'
import type { Ground } from './ground.ts'
import type { RoomsFloor } from './rooms.ts'
import type { UsersFloor } from './users.ts'

/** What clients follow: one member for each capability of sync/. */
export interface SyncFloor {}

/** Builds the capabilities of sync/. */
export function openSync(_below: Ground & UsersFloor & RoomsFloor & { readonly streams: Streams }): SyncFloor {
  return {}
}
