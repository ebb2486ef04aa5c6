import { runInBackground } from '#observability/request-context.ts'
import { AuthChains } from '#rooms/auth-chains.ts'
import { CreateRoom } from '#rooms/create-room.ts'
import { KnownRooms } from '#rooms/known-rooms.ts'
import { Membership } from '#rooms/membership.ts'
import { Memberships } from '#rooms/memberships.ts'
import { PersistEvent } from '#rooms/persist-event.ts'
import { RoomPowers } from '#rooms/power-levels.ts'
import { Purge, PurgeStopped } from '#rooms/purge.ts'
import { PurgeJobs } from '#rooms/purge-jobs.ts'
import { Redact } from '#rooms/redact.ts'
import { RoomState } from '#rooms/room-state.ts'
import { RoomWriter } from '#rooms/room-writer.ts'
import { SendEvent } from '#rooms/send-event.ts'
import type { UnsignedAdditions } from '#rooms/unsigned-additions.ts'
import type { Streams } from '#streams/streams.ts'
import type { Ground } from './ground.ts'
import { openRoomReading, type RoomReading } from './room-reading.ts'
import type { StorageFloor } from './storage.ts'
import type { UsersFloor } from './users.ts'

/** The random part of a room id: as long as its guessing must be hopeless. */
const roomIdRandomBytes = 18

/** The event graph: one member for each capability of rooms/, named as its file. */
export interface RoomsFloor extends RoomReading {
  readonly createRoom: CreateRoom
  readonly knownRooms: KnownRooms
  readonly membership: Membership
  readonly memberships: Memberships
  readonly persistEvent: PersistEvent
  readonly purge: Purge
  readonly purgeJobs: PurgeJobs
  readonly redact: Redact
  readonly roomState: RoomState
  readonly sendEvent: SendEvent
}

/** Builds the capabilities of rooms/, each from what it names. */
export function openRooms(
  below: Ground &
    StorageFloor &
    UsersFloor & { readonly streams: Streams; readonly unsignedAdditions?: UnsignedAdditions | undefined },
): RoomsFloor {
  const { accountDeactivation, profiles, deviceLists, random } = below
  const memberships = new Memberships(below)
  const persistEvent = new PersistEvent({ ...below, memberships })
  const roomState = new RoomState({ ...below, persistEvent })
  new AuthChains({ ...below, persistEvent })
  const knownRooms = new KnownRooms(below)
  const powers = new RoomPowers({ roomState })
  const roomWriter = new RoomWriter({ ...below, persistEvent })
  const sendEvent = new SendEvent({ ...below, memberships, roomState, roomWriter })
  const membership = new Membership({ ...below, sendEvent, knownRooms, memberships, roomState, powers })
  const newLocalpart = (): string => Buffer.from(random.bytes(roomIdRandomBytes)).toString('base64url')
  const purge = new Purge({ ...below, knownRooms, roomWriter })
  const report = (error: unknown): void => {
    if (!(error instanceof PurgeStopped)) below.logger.error('A purge failed, and goes on after a restart', { error })
  }
  const begin = (work: () => Promise<void>): void => void runInBackground('purge', work).catch(report)
  membership.onForgotten((room) => begin(() => purge.ifForgotten(room)))
  begin(() => purge.resume())
  accountDeactivation.onDeactivated((requester) => membership.leaveAll(requester))
  profiles.onProfileChanged((requester) => membership.updateProfile(requester))
  deviceLists.wakeThoseWho((userId) => memberships.sharingUsers(userId))
  const reading = openRoomReading({ ...below, knownRooms, memberships, persistEvent, powers, roomState })
  purge.onHistoryGone((room) => {
    reading.unreadCounts.forgetRoom(room)
  })
  return {
    ...reading,
    createRoom: new CreateRoom({ ...below, roomWriter, membership, newLocalpart }),
    knownRooms,
    membership,
    memberships,
    persistEvent,
    purge,
    purgeJobs: new PurgeJobs({ ...below, knownRooms, membership, memberships, purge }),
    redact: new Redact({ sendEvent }),
    roomState,
    sendEvent,
  }
}
