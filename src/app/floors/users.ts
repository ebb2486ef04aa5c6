import type { Streams } from '#streams/streams.ts'
import type { Ground } from './ground.ts'
import type { StorageFloor } from './storage.ts'

/** People, devices, keys: one member for each capability of users/, named as its file. */
export interface UsersFloor {}

/** Builds the capabilities of users/, each from what it names. */
export function openUsers(_below: Ground & StorageFloor & { readonly streams: Streams }): UsersFloor {
  return {}
}
