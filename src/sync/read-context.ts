import { MatrixError } from '#protocol/errors.ts'
import type { RoomId } from '#protocol/identifiers.ts'
import type { KnownRooms } from '#rooms/known-rooms.ts'
import type { MembershipRow, Memberships } from '#rooms/memberships.ts'
import type { RoomStates } from '#rooms/room-states.ts'
import type { Streams } from '#streams/streams.ts'
import type { SyncToken } from '#streams/sync-token.ts'
import type { AccountData, AccountDataChanges } from '#users/account-data.ts'
import type { IgnoredUsers } from '#users/ignored-users.ts'
import { endsOfStay, pastMemberships, type PastMemberships } from './own-memberships.ts'
import { wantsRoom } from './sync-filter.ts'
import type { RoomView, SyncContext, SyncRequest } from './sync-context.ts'

/** How long a sync waits for a change of membership that is committed to be published too. */
const settleMsMax = 10_000

const noAccountData: AccountDataChanges = { global: [], rooms: new Map() }

export interface ContextSources {
  readonly streams: Streams
  readonly memberships: Memberships
  readonly knownRooms: KnownRooms
  readonly roomStates: RoomStates
  readonly accountData: AccountData
  readonly ignoredUsers: IgnoredUsers
}

/** The part of a view that depends on what the client knows of the room. */
type Extent = Pick<RoomView, 'after' | 'upTo' | 'state'>

/**
 * Works out what a sync from `from` to now is about. Without any change it makes no query; with changes a fixed number,
 * whatever the number of rooms.
 */
export async function readContext(
  sources: ContextSources,
  request: SyncRequest,
  from: SyncToken | undefined,
): Promise<SyncContext> {
  const { upTo, rows } = await settledMemberships(sources, request)
  const accountData = await readAccountData(sources, request, from, upTo)
  const told = await nidsOf(sources.knownRooms, accountData.rooms.keys())
  const sorted = sortRows(sources.streams, request, { from, rows, told })
  const shown = [...sorted.joined, ...sorted.left, ...sorted.invited, ...sorted.knocked]
  const rooms = await sources.knownRooms.byNids(shown.map((row) => row.roomNid))
  const range = { after: from?.events ?? 0, upTo: upTo.events }
  const moved =
    from === undefined ? [] : [...sorted.joined, ...sorted.left].filter((row) => row.streamPosition > from.events)
  const past = await pastMemberships(sources.roomStates, moved, range)
  const ends = await endsOfStay(sources.roomStates, sorted.left)
  const views = (list: readonly MembershipRow[], extent: (row: MembershipRow) => Extent): RoomView[] =>
    list.flatMap((membership) => {
      const room = rooms.get(membership.roomNid)
      if (room === undefined || !wantsRoom(request.filter, room.roomId)) return []
      return [{ room, membership, ...extent(membership) }]
    })
  return {
    request,
    from,
    upTo,
    accountData,
    ignored: shown.length === 0 ? new Set() : await sources.ignoredUsers.of(request.requester.userId),
    joinedNids: new Set(rows.filter((row) => row.membership === 'join').map((row) => row.roomNid)),
    joined: views(sorted.joined, (row) => joinedExtent(past.get(row.roomNid), request, { from, upTo })),
    left: views(sorted.left, (row) => leftExtent(row, past.get(row.roomNid), ends.get(row.roomNid), range)),
    invited: views(sorted.invited, () => ({ ...range, state: 'none' })),
    knocked: views(sorted.knocked, () => ({ ...range, state: 'none' })),
  }
}

/**
 * The user's memberships, and positions that cover them all: a change of membership is in memory as soon as it is
 * committed, which may be a moment before its position is passed. Then this waits for that moment.
 */
async function settledMemberships(
  sources: ContextSources,
  request: SyncRequest,
): Promise<{ upTo: SyncToken; rows: readonly MembershipRow[] }> {
  const { streams, memberships } = sources
  const { userId } = request.requester
  for (;;) {
    const upTo = streams.current()
    const rows = [...(await memberships.of(userId)).values()]
    let newest = 0
    for (const row of rows) newest = Math.max(newest, row.streamPosition)
    if (newest <= upTo.events) return { upTo, rows }
    const settled = await streams.notifier.wait(userId, () => streams.events.position >= newest, {
      timeoutMs: settleMsMax,
      signal: request.signal,
    })
    if (settled) continue
    if (request.signal.aborted)
      throw new MatrixError('M_UNKNOWN', 'The server is stopping: sync again.', { status: 503 })
    throw new Error(`the events stream did not pass ${newest}`)
  }
}

async function readAccountData(
  sources: ContextSources,
  request: SyncRequest,
  from: SyncToken | undefined,
  upTo: SyncToken,
): Promise<AccountDataChanges> {
  const { userId } = request.requester
  if (from === undefined) return sources.accountData.all(userId)
  if (from.accountData >= upTo.accountData) return noAccountData
  if (!sources.streams.accountData.userChangedSince(userId, from.accountData)) return noAccountData
  return sources.accountData.since(userId, from.accountData, upTo.accountData)
}

async function nidsOf(knownRooms: KnownRooms, roomIds: Iterable<RoomId>): Promise<ReadonlySet<number>> {
  const nids = new Set<number>()
  for (const roomId of roomIds) {
    const room = await knownRooms.byId(roomId)
    if (room !== undefined) nids.add(room.roomNid)
  }
  return nids
}

interface SortedRows {
  /** Joined rooms in which something may have happened. */
  readonly joined: MembershipRow[]
  readonly left: MembershipRow[]
  readonly invited: MembershipRow[]
  readonly knocked: MembershipRow[]
}

/** Sorts memberships by where they are shown, leaving out those with nothing new. `told`: rooms with account data. */
function sortRows(
  streams: Streams,
  request: SyncRequest,
  known: {
    readonly from: SyncToken | undefined
    readonly rows: readonly MembershipRow[]
    readonly told: ReadonlySet<number>
  },
): SortedRows {
  const { from, rows, told } = known
  const read = from !== undefined && streams.receipts.userChangedSince(request.requester.userId, from.receipts)
  const sorted: SortedRows = { joined: [], left: [], invited: [], knocked: [] }
  for (const row of rows) {
    const moved = from === undefined || row.streamPosition > from.events
    switch (row.membership) {
      case 'join':
        if (moved || read || request.fullState || told.has(row.roomNid) || hasNews(streams, row.roomNid, from))
          sorted.joined.push(row)
        break
      case 'invite':
        if (moved) sorted.invited.push(row)
        break
      case 'knock':
        if (moved) sorted.knocked.push(row)
        break
      case 'leave':
      case 'ban':
        if (row.forgotten === 0 && moved && (from !== undefined || request.filter.room.includeLeave))
          sorted.left.push(row)
        break
    }
  }
  return sorted
}

/** True when something a room shows may have changed after the token. No query. */
export function hasNews(streams: Streams, roomNid: number, from: SyncToken): boolean {
  return (
    (streams.events.position > from.events && streams.events.roomChangedSince(roomNid, from.events)) ||
    (streams.receipts.position > from.receipts && streams.receipts.roomChangedSince(roomNid, from.receipts)) ||
    (streams.typing.position > from.typing && streams.typing.roomChangedSince(roomNid, from.typing))
  )
}

/** What a client is owed of a room that the user is in. https://spec.matrix.org/v1.19/client-server-api/#syncing */
function joinedExtent(
  past: PastMemberships | undefined,
  request: SyncRequest,
  tokens: { readonly from: SyncToken | undefined; readonly upTo: SyncToken },
): Extent {
  const upTo = tokens.upTo.events
  if (tokens.from === undefined) return { after: 0, upTo, state: 'whole' }
  if (past !== undefined && past.atStart !== 'join') return { after: 0, upTo, state: 'whole' }
  // Who went and came back may have missed changes of the state that they were not to see then.
  const stayed = past === undefined || past.between.every((each) => each === 'join')
  return { after: tokens.from.events, upTo, state: request.fullState || !stayed ? 'whole' : 'changes' }
}

/** What a client is owed of a room that the user has left: what came while they were in it. */
function leftExtent(
  row: MembershipRow,
  past: PastMemberships | undefined,
  endOfStay: number | undefined,
  range: { readonly after: number; readonly upTo: number },
): Extent {
  if (endOfStay === undefined || endOfStay <= range.after) {
    return { after: row.streamPosition - 1, upTo: row.streamPosition, state: 'none' }
  }
  if (past?.atStart === 'join') return { after: range.after, upTo: endOfStay, state: 'changes' }
  return { after: 0, upTo: endOfStay, state: 'whole' }
}
