import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { Memberships } from '#rooms/memberships.ts'
import { parseSyncToken, printSyncToken, type SyncToken } from '#streams/sync-token.ts'
import type { DeviceLists } from '#users/device-lists.ts'
import type { Filters } from '#users/filters.ts'
import type { OneTimeKeys } from '#users/one-time-keys.ts'
import type { ToDevice } from '#users/to-device.ts'
import { IgnoredUsers } from '#users/ignored-users.ts'
import { hasNews, readContext } from './read-context.ts'
import { readRooms, type RoomSources } from './read-rooms.ts'
import { RequestedFilters } from './requested-filters.ts'
import { globalAccountData } from './sections/account-data.ts'
import { readDeviceLists } from './sections/device-lists.ts'
import { readInvites } from './sections/invites.ts'
import { readToDevice } from './sections/to-device.ts'
import { SentMembers } from './sent-members.ts'
import type { SyncContext, SyncQuery, SyncRequest } from './sync-context.ts'

/** How long an answer waits at most, whatever the client asks for. */
const waitMsMax = 10 * 60 * 1000

export interface SyncDeps extends Omit<RoomSources, 'sentMembers'> {
  readonly clock: Clock
  readonly deviceLists: DeviceLists
  readonly filters: Filters
  readonly knownRooms: KnownRooms
  readonly memberships: Memberships
  readonly oneTimeKeys: OneTimeKeys
  readonly toDevice: ToDevice
}

/** One try at an answer. */
interface Collected {
  readonly context: SyncContext
  /** Nothing happened: the client may go on waiting. */
  readonly empty: boolean
  readonly next: SyncToken
  /** The members of the answer beside `next_batch`, as text; each starts with a comma. */
  readonly text: string
}

/**
 * Follows everything that a device should know: waits, collects from the sections, answers. No connection to the
 * database is held while waiting. https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
export class Sync {
  readonly #deps: SyncDeps
  readonly #sources: RoomSources
  readonly #ignoredUsers: IgnoredUsers
  readonly #filters: RequestedFilters

  constructor(deps: SyncDeps) {
    this.#deps = deps
    this.#sources = { ...deps, sentMembers: new SentMembers() }
    this.#ignoredUsers = new IgnoredUsers(deps)
    this.#filters = new RequestedFilters(deps)
  }

  /**
   * The answer to a sync as JSON text: at once when there is anything to tell, at the latest when the time is up.
   * Throws M_INVALID_PARAM for a token that is not one of ours, M_UNKNOWN_POS for one from a time that this database
   * does not know, and what `RequestedFilters.of` throws.
   */
  async answer(query: SyncQuery): Promise<string> {
    const { clock, toDevice, streams } = this.#deps
    const { userId, deviceId } = query.requester
    const since = query.since === undefined ? undefined : parseSyncToken(query.since)
    const request = { ...query, filter: await this.#filters.of(userId, query.filter) }
    if (since !== undefined) {
      checkPast(since, streams.current())
      await toDevice.acknowledge(userId, deviceId, since.toDevice)
    }
    const deadline = clock.monotonic() + Math.min(Math.max(request.timeoutMs, 0), waitMsMax)
    let from = since
    for (;;) {
      const collected = await this.#collect(request, from)
      const rest = deadline - clock.monotonic()
      if (from === undefined || request.fullState || !collected.empty || rest <= 0 || request.signal.aborted) {
        return this.#print(request, collected)
      }
      from = collected.next
      await this.#waitForNews(collected, rest)
    }
  }

  /** Waits until something that concerns the user may have happened after what was collected. */
  async #waitForNews({ context, next }: Collected, timeoutMs: number): Promise<void> {
    const { notifier } = this.#deps.streams
    const { requester, signal } = context.request
    notifier.userRooms(requester.userId, context.joinedNids)
    await notifier.wait(requester.userId, () => this.#mayHaveNews(context, next), { timeoutMs, signal })
  }

  /** True when a stream has moved past the token with something that concerns the user. No query. */
  #mayHaveNews(context: SyncContext, token: SyncToken): boolean {
    const { streams } = this.#deps
    const { userId } = context.request.requester
    const { events, accountData, receipts, toDevice, deviceLists, typing } = streams
    const named =
      (events.position > token.events && events.userChangedSince(userId, token.events)) ||
      (accountData.position > token.accountData && accountData.userChangedSince(userId, token.accountData)) ||
      (receipts.position > token.receipts && receipts.userChangedSince(userId, token.receipts)) ||
      (toDevice.position > token.toDevice && toDevice.userChangedSince(userId, token.toDevice)) ||
      (deviceLists.position > token.deviceLists && deviceLists.userChangedSince(userId, token.deviceLists))
    if (named) return true
    const moved = events.position > token.events || receipts.position > token.receipts || typing.position > token.typing
    if (!moved) return false
    for (const roomNid of context.joinedNids) if (hasNews(streams, roomNid, token)) return true
    return false
  }

  async #collect(request: SyncRequest, from: SyncToken | undefined): Promise<Collected> {
    const context = await readContext({ ...this.#deps, ignoredUsers: this.#ignoredUsers }, request, from)
    const join = await readRooms(this.#sources, context, context.joined, 'join')
    const leave = await readRooms(this.#sources, context, context.left, 'leave')
    const invite = await readInvites(this.#deps, context, 'invite_state')
    const knock = await readInvites(this.#deps, context, 'knock_state')
    const toDevice = await readToDevice(this.#deps.toDevice, context)
    const lists = await readDeviceLists(this.#deps, context, [...join.members, ...leave.members])
    const accountData = globalAccountData(context)

    let text = ''
    const rooms = { join: join.rooms, invite, knock, leave: leave.rooms }
    const columns = Object.entries(rooms).filter(([, list]) => list.length > 0)
    if (columns.length > 0)
      text += `,"rooms":{${columns.map(([key, list]) => `"${key}":{${list.join(',')}}`).join(',')}}`
    if (accountData.length > 0) text += `,"account_data":{"events":[${accountData.join(',')}]}`
    if (toDevice.texts.length > 0) text += `,"to_device":{"events":[${toDevice.texts.join(',')}]}`
    if (lists.changed.length > 0 || lists.left.length > 0) text += `,"device_lists":${JSON.stringify(lists)}`
    const next = { ...context.upTo, toDevice: toDevice.position }
    return { context, empty: text === '', next, text }
  }

  /** The whole answer. How many keys are left is told in each, as clients upload more when they read it. */
  async #print(request: SyncRequest, { next, text }: Collected): Promise<string> {
    const { userId, deviceId } = request.requester
    const keys = await this.#deps.oneTimeKeys.counts(userId, deviceId)
    return (
      `{"next_batch":"${printSyncToken(next)}"${text}` +
      `,"device_one_time_keys_count":${JSON.stringify(keys.counts)}` +
      `,"device_unused_fallback_key_types":${JSON.stringify(keys.unusedFallbackTypes)}}`
    )
  }
}

/** Refuses a token from the future: of another server, or of this one before its database was set back. */
function checkPast(since: SyncToken, now: SyncToken): void {
  const ahead =
    since.events > now.events ||
    since.accountData > now.accountData ||
    since.receipts > now.receipts ||
    since.toDevice > now.toDevice ||
    since.deviceLists > now.deviceLists ||
    since.typing > now.typing
  if (ahead) throw new MatrixError('M_UNKNOWN_POS', 'This server does not know the sync token: sync again without it.')
}
