import type { Filter } from '#protocol/filters.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { MembershipRow } from '#rooms/memberships.ts'
import type { SyncToken } from '#streams/sync-token.ts'
import type { AccountDataChanges } from '#users/account-data.ts'
import type { Requester } from '#users/requester.ts'

/** Under which name a client wants the state at the end of the timeline (MSC4222), instead of at its start. */
export type StateAfterName = 'state_after' | 'org.matrix.msc4222.state_after'

/** What a client asks of a sync, its filter read. */
export interface SyncRequest extends Omit<SyncQuery, 'filter'> {
  readonly filter: Filter
}

/** What a client asks of a sync. */
export interface SyncQuery {
  readonly requester: Requester
  /** The `next_batch` of the answer before; undefined for a first sync. */
  readonly since: string | undefined
  readonly timeoutMs: number
  readonly fullState: boolean
  readonly stateAfter: StateAfterName | undefined
  /** The id of a filter, or a whole one as JSON text. */
  readonly filter: string | undefined
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

/** One room as far as one sync shows it. */
export interface RoomView {
  readonly room: Room
  readonly membership: MembershipRow
  /** The client has what arrived up to this position; 0 when it has nothing of the room. */
  readonly after: number
  /** Nothing that arrived later is shown: where the sync ends, or where the user left. */
  readonly upTo: number
  /** How much of the state is owed: all of it, what changed, or none because the user never saw the room. */
  readonly state: 'whole' | 'changes' | 'none'
}

/**
 * What one answer is about, worked out before any section is read, and never changed: the range of each stream, the
 * rooms of the user that have something in it, and what the user wants to see of them.
 */
export interface SyncContext {
  readonly request: SyncRequest
  /** Undefined: the client has nothing yet. */
  readonly from: SyncToken | undefined
  readonly upTo: SyncToken
  readonly accountData: AccountDataChanges
  readonly ignored: ReadonlySet<UserId>
  /** Every room the user is joined to, also those in which nothing happened. */
  readonly joinedNids: ReadonlySet<number>
  readonly joined: readonly RoomView[]
  readonly left: readonly RoomView[]
  readonly invited: readonly RoomView[]
  readonly knocked: readonly RoomView[]
}

/** True when the client has nothing of the room yet: a first sync, or a room that the user has newly come into. */
export function isNew(view: RoomView): boolean {
  return view.after === 0
}
