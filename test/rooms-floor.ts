import { systemClock, type Clock } from '#base/clock.ts'
import { parseServerName, parseUserId, type UserId } from '#protocol/identifiers.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { AuthChains } from '#rooms/auth-chains.ts'
import { CreateRoom } from '#rooms/create-room.ts'
import { IgnoredSenders } from '#rooms/ignored-senders.ts'
import { KnownRooms } from '#rooms/known-rooms.ts'
import { Membership } from '#rooms/membership.ts'
import { Memberships } from '#rooms/memberships.ts'
import { PersistEvent } from '#rooms/persist-event.ts'
import { RoomPowers } from '#rooms/power-levels.ts'
import { ReceiveEvent } from '#rooms/receive-event.ts'
import { Purge } from '#rooms/purge.ts'
import { Redact } from '#rooms/redact.ts'
import { RoomState } from '#rooms/room-state.ts'
import { RoomWriter } from '#rooms/room-writer.ts'
import { SendEvent } from '#rooms/send-event.ts'
import { silentLogger } from '#observability/logger.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import { Streams } from '#streams/streams.ts'
import type { Requester } from '#users/requester.ts'

export const testServerName = parseServerName('test.example')
const signingKey = newSigningKey(new Uint8Array(32).fill(7), 'test')

/** A requester on the test server. */
export function someone(name: string, deviceId = 'DEVICE'): Requester {
  return { userId: parseUserId(`@${name}:${testServerName}`), deviceId, isAdmin: false, isGuest: false }
}

/** The write side of rooms on a database, as the server builds it; time moves by a millisecond a look, or stands still. */
export async function openRoomsFloor(database: Database, ticking = true) {
  let now = 1_700_000_000_000
  const clock: Clock = { now: () => (ticking ? ++now : now), monotonic: () => systemClock.monotonic() }
  const ids = new IdBlocks({ database })
  const interned = new Interned({ database, ids })
  const backgroundMigrations = await BackgroundMigrations.open({ database, clock, logger: silentLogger })
  const streams = await Streams.open({ database, ids })
  const memberships = new Memberships({ database, interned, streams })
  const persistEvent = new PersistEvent({ database, streams, memberships })
  const authChains = new AuthChains({ database, persistEvent, logger: silentLogger })
  const roomState = new RoomState({ database, interned, persistEvent })
  const knownRooms = new KnownRooms({ database })
  const powers = new RoomPowers({ roomState })
  const serverName = testServerName
  const roomWriter = new RoomWriter({ database, interned, ids, persistEvent, clock, serverName, signingKey })
  const sendEvent = new SendEvent({ database, interned, memberships, roomState, roomWriter })
  const receiveEvent = new ReceiveEvent({
    database,
    interned,
    ids,
    persistEvent,
    roomWriter,
    authChains,
    clock,
    serverName,
  })
  const profiles = { memberFields: () => Promise.resolve({}) }
  const membership = new Membership({ sendEvent, knownRooms, memberships, roomState, powers, profiles, serverName })
  const purge = new Purge({ database, knownRooms, roomWriter, clock })
  let rooms = 0
  const newLocalpart = (): string => `room${++rooms}`
  const createRoom = new CreateRoom({ roomWriter, membership, profiles, ids, serverName, clock, newLocalpart })
  const ignoredBy = new Map<UserId, ReadonlySet<UserId>>()
  const ignoredUsers = { of: (userId: UserId) => Promise.resolve(ignoredBy.get(userId) ?? new Set<UserId>()) }
  const ignoredSenders = new IgnoredSenders({ ignoredUsers, interned })
  const redact = new Redact({ sendEvent })
  return {
    database,
    clock,
    interned,
    backgroundMigrations,
    streams,
    memberships,
    persistEvent,
    authChains,
    roomState,
    knownRooms,
    roomWriter,
    receiveEvent,
    purge,
    sendEvent,
    membership,
    createRoom,
    redact,
    ignoredSenders,
    /** Whom somebody ignores: a test says so here. */
    ignoredBy,
  }
}
