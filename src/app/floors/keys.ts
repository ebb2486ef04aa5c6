import type { Streams } from '#streams/streams.ts'
import { CrossSigning } from '#users/cross-signing.ts'
import { DeviceKeys } from '#users/device-keys.ts'
import { DeviceLists } from '#users/device-lists.ts'
import { KeyBackup } from '#users/key-backup.ts'
import { KeySignatures } from '#users/key-signatures.ts'
import { OneTimeKeys } from '#users/one-time-keys.ts'
import { ToDevice } from '#users/to-device.ts'
import type { Ground } from './ground.ts'
import type { StorageFloor } from './storage.ts'

/** What end-to-end encryption needs of users/, a part of that floor. */
export interface Keys {
  readonly crossSigning: CrossSigning
  readonly deviceKeys: DeviceKeys
  readonly deviceLists: DeviceLists
  readonly keyBackup: KeyBackup
  readonly keySignatures: KeySignatures
  readonly oneTimeKeys: OneTimeKeys
  readonly toDevice: ToDevice
}

/** Builds the capabilities of users/ that deal in keys. */
export function openKeys(below: Ground & StorageFloor & { readonly streams: Streams }): Keys {
  const deviceLists = new DeviceLists(below)
  const oneTimeKeys = new OneTimeKeys(below)
  return {
    crossSigning: new CrossSigning({ deviceLists }),
    deviceKeys: new DeviceKeys({ ...below, deviceLists, oneTimeKeys }),
    deviceLists,
    keyBackup: new KeyBackup(below),
    keySignatures: new KeySignatures({ deviceLists }),
    oneTimeKeys,
    toDevice: new ToDevice(below),
  }
}
