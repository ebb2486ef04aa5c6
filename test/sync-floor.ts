import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { IgnoredSenders } from '#rooms/ignored-senders.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import { Receipts } from '#rooms/receipts.ts'
import { RoomStates } from '#rooms/room-states.ts'
import { RoomSummary } from '#rooms/room-summary.ts'
import { Timeline } from '#rooms/timeline.ts'
import { Typing } from '#rooms/typing.ts'
import { UnreadCounts } from '#rooms/unread-counts.ts'
import { Visibility } from '#rooms/visibility.ts'
import type { Database } from '#storage/transaction.ts'
import { Sync } from '#sync/sync.ts'
import type { SyncQuery } from '#sync/sync-context.ts'
import { AccountData } from '#users/account-data.ts'
import { DeviceLists } from '#users/device-lists.ts'
import { IgnoredUsers } from '#users/ignored-users.ts'
import { Filters } from '#users/filters.ts'
import { NotificationSettings } from '#users/notification-settings.ts'
import { OneTimeKeys } from '#users/one-time-keys.ts'
import type { Requester } from '#users/requester.ts'
import { PushRules } from '#users/push-rules.ts'
import { ToDevice } from '#users/to-device.ts'
import { openRoomsFloor, testServerName } from './rooms-floor.ts'

/** Counts the interactions with a database. */
export interface CountedDatabase extends Database {
  interactions: string[]
}

function counted(database: Database): CountedDatabase {
  const interactions: string[] = []
  return {
    engine: database.engine,
    interactions,
    runInteraction(name, fn, options) {
      interactions.push(name)
      return database.runInteraction(name, fn, options)
    },
    close: () => database.close(),
  }
}

/** What a test asks of a sync; the rest is as a client leaves it out. */
export interface TestSync {
  readonly since?: string | undefined
  readonly timeoutMs?: number
  readonly fullState?: boolean
  readonly stateAfter?: SyncQuery['stateAfter']
  readonly filter?: object
  readonly signal?: AbortSignal
}

/** An event as a sync tells it. */
export interface ToldEvent {
  readonly type: string
  readonly event_id: string
  readonly sender: string
  readonly state_key?: string
  readonly content: Readonly<Record<string, unknown>>
}

/** Rooms and sync on a database, as the server builds them. */
export async function openSyncFloor(plainDatabase: Database) {
  const database = counted(plainDatabase)
  const rooms = await openRoomsFloor(database)
  const { interned, streams, memberships, roomState, knownRooms, persistEvent } = rooms
  const clock = systemClock
  const visibility = new Visibility({ database, interned, memberships, roomState })
  const accountData = new AccountData({ database, streams })
  const accountDeactivation = { onDeactivated: () => undefined }
  const ignoredUsers = new IgnoredUsers({ accountData, streams })
  const ignoredSenders = new IgnoredSenders({ ignoredUsers, interned })
  const timeline = new Timeline({ database, interned, streams, visibility, ignoredSenders })
  const clientEvents = new ClientEvents({
    database,
    interned,
    knownRooms,
    visibility,
    ignoredSenders,
    accountDeactivation,
    clock,
  })
  persistEvent.onPersisted((batch) => {
    timeline.remember(batch)
    clientEvents.remember(batch)
  })
  const roomStates = new RoomStates({ database, interned, streams })
  const roomSummary = new RoomSummary({ database, interned, roomState })
  const receipts = new Receipts({ database, streams, clock })
  const typing = new Typing({ streams })
  const notificationSettings = new NotificationSettings({ database, streams })
  const pushRules = new PushRules({ accountData, streams })
  const serverName = testServerName
  const counting = { accountData, notificationSettings, timeline, serverName, logger: silentLogger }
  const unreadCounts = new UnreadCounts({ ...rooms, ...counting, database })
  const filters = new Filters({ database })
  const toDevice = new ToDevice({ database, streams, clock, serverName: testServerName })
  const sharesRoomWith = (userId: Requester['userId']) => memberships.sharingUsers(userId)
  const deviceLists = new DeviceLists({ database, streams })
  deviceLists.wakeThoseWho(sharesRoomWith)
  const oneTimeKeys = new OneTimeKeys({ database })
  const parts = {
    timeline,
    clientEvents,
    roomStates,
    roomSummary,
    receipts,
    typing,
    unreadCounts,
    accountData,
    filters,
    visibility,
  }
  const users = { pushRules, toDevice, deviceLists, oneTimeKeys }
  const sync = new Sync({ ...rooms, ...parts, ...users, clock })

  /** The answer of a sync, parsed. */
  // Tests look at whatever is there; a wrong guess fails the assertion that reads it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async function answer(requester: Requester, query: TestSync = {}): Promise<any> {
    const text = await sync.answer({
      requester,
      since: query.since,
      timeoutMs: query.timeoutMs ?? 0,
      fullState: query.fullState ?? false,
      stateAfter: query.stateAfter,
      filter: query.filter === undefined ? undefined : JSON.stringify(query.filter),
      signal: query.signal ?? new AbortController().signal,
    })
    return JSON.parse(text)
  }
  return { ...rooms, ...parts, ...users, database, sync, answer }
}

export type SyncFloor = Awaited<ReturnType<typeof openSyncFloor>>
