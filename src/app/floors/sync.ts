import type { Streams } from '#streams/streams.ts'
import { KeyChanges } from '#sync/key-changes.ts'
import { Sync } from '#sync/sync.ts'
import type { Ground } from './ground.ts'
import type { RoomsFloor } from './rooms.ts'
import type { UsersFloor } from './users.ts'

/** What clients follow: one member for each capability of sync/. */
export interface SyncFloor {
  readonly keyChanges: KeyChanges
  readonly sync: Sync
}

/** Builds the capabilities of sync/. */
export function openSync(below: Ground & UsersFloor & RoomsFloor & { readonly streams: Streams }): SyncFloor {
  return { keyChanges: new KeyChanges(below), sync: new Sync(below) }
}
