import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import type { Interned } from '#storage/interned.ts'
import {
  inviteStates,
  joinedUsers,
  localJoinedMembers,
  membershipsOfUser,
  setForgotten,
  stayEndAfter,
  type MembershipRow as StoredMembership,
  type MembershipState as StoredState,
  type NewMembership,
} from '#storage/memberships.ts'
import type { Database } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'

/** What someone is in a room, for floors that do not see the database. */
export type MembershipRow = StoredMembership
export type MembershipState = StoredState

/** A membership that an event has just set. */
export interface MembershipChange {
  readonly userId: UserId
  readonly row: NewMembership
}

const usersMax = 20_000
const roomsMax = 20_000

/**
 * Who is what in which room, now. Both directions are kept in memory for the users and rooms in use, and kept right by
 * `apply`, which whoever persists a member event calls after its commit.
 */
export class Memberships {
  readonly #database: Database
  readonly #interned: Interned
  readonly #streams: Streams
  readonly #ofUser = new LruCache<UserId, Map<number, MembershipRow>>(usersMax, 'memberships_of_user')
  readonly #inRoom = new LruCache<number, Set<UserId>>(roomsMax, 'members_of_room')
  /** Counts `apply` calls, so that a read that began before one is not kept after it. */
  #applied = 0

  constructor(deps: { readonly database: Database; readonly interned: Interned; readonly streams: Streams }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#streams = deps.streams
  }

  /** Every room that one of our users is or was in, by the room's integer id. */
  async of(userId: UserId): Promise<ReadonlyMap<number, MembershipRow>> {
    const known = this.#ofUser.get(userId)
    if (known !== undefined) return known
    const before = this.#applied
    const userNid = await this.#interned.userNid(userId)
    const rows = await this.#database.runInteraction('memberships_of_user', (txn) => membershipsOfUser(txn, userNid), {
      readOnly: true,
    })
    const memberships = new Map(rows.map((row) => [row.roomNid, row]))
    if (before === this.#applied) this.#ofUser.set(userId, memberships)
    return memberships
  }

  /** What one of our users is in a room, or undefined if they never were anything. */
  async in(userId: UserId, roomNid: number): Promise<MembershipRow | undefined> {
    return (await this.of(userId)).get(roomNid)
  }

  /** Whether one of our users is in a room now. */
  async isJoined(userId: UserId, roomNid: number): Promise<boolean> {
    return (await this.in(userId, roomNid))?.membership === 'join'
  }

  /**
   * The membership of a user who must be in the room.
   * @throws MatrixError M_FORBIDDEN when the user is not joined.
   */
  async requireJoined(userId: UserId, roomNid: number): Promise<MembershipRow> {
    const row = await this.in(userId, roomNid)
    if (row?.membership !== 'join') throw new MatrixError('M_FORBIDDEN', 'You are not in this room.')
    return row
  }

  /** Our users who are joined to a room. */
  async localMembers(roomNid: number): Promise<ReadonlySet<UserId>> {
    const known = this.#inRoom.get(roomNid)
    if (known !== undefined) return known
    const before = this.#applied
    const rows = await this.#database.runInteraction('local_members', (txn) => localJoinedMembers(txn, [roomNid]), {
      readOnly: true,
    })
    const members = new Set(rows.map((row) => parseUserId(row.userId)))
    if (before === this.#applied) this.#inRoom.set(roomNid, members)
    return members
  }

  /** Everyone, of any server, who is joined to a room in which this user of ours is joined; the user too. One query. */
  async sharingUsers(userId: UserId): Promise<Set<UserId>> {
    const joined = [...(await this.of(userId)).values()].filter((row) => row.membership === 'join')
    const users = new Set<UserId>([userId])
    if (joined.length === 0) return users
    const roomNids = joined.map((row) => row.roomNid)
    const rows = await this.#database.runInteraction('sharing_users', (txn) => joinedUsers(txn, roomNids), {
      readOnly: true,
    })
    for (const row of rows) users.add(parseUserId(row.userId))
    return users
  }

  /** Everyone, of any server, who is joined to one of these rooms. One query. */
  async joinedUsersOf(roomNids: readonly number[]): Promise<Set<UserId>> {
    if (roomNids.length === 0) return new Set()
    const rows = await this.#database.runInteraction('joined_users', (txn) => joinedUsers(txn, roomNids), {
      readOnly: true,
    })
    return new Set(rows.map((row) => parseUserId(row.userId)))
  }

  /** True when both are users of ours and joined to one room. */
  async shareRoom(one: UserId, other: UserId): Promise<boolean> {
    const others = await this.of(other)
    for (const row of (await this.of(one)).values()) {
      if (row.membership === 'join' && others.get(row.roomNid)?.membership === 'join') return true
    }
    return false
  }

  /** A user's own memberships that changed after position `after` and not after `upTo` of the events stream. */
  async changesSince(userId: UserId, after: number, upTo: number): Promise<MembershipRow[]> {
    if (!this.#streams.events.userChangedSince(userId, after)) return []
    const rows = (await this.of(userId)).values()
    return [...rows].filter((row) => row.streamPosition > after && row.streamPosition <= upTo)
  }

  /** The stripped state (text of a JSON list) that came with a user's invites and knocks, by room. One query. */
  async strippedStates(userId: UserId, roomNids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (roomNids.length === 0) return new Map()
    const userNid = await this.#interned.userNid(userId)
    const rows = await this.#database.runInteraction('invite_states', (txn) => inviteStates(txn, userNid, roomNids), {
      readOnly: true,
    })
    return new Map(rows.map((row) => [row.roomNid, row.stripped]))
  }

  /**
   * Takes a room that the user has left off all their lists.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
   * @throws MatrixError M_UNKNOWN (400) while the user is still in it, M_FORBIDDEN when they never were.
   */
  async forget(userId: UserId, roomNid: number): Promise<void> {
    const row = await this.in(userId, roomNid)
    if (row === undefined) throw new MatrixError('M_FORBIDDEN', 'You were never in this room.')
    if (row.membership !== 'leave' && row.membership !== 'ban') {
      throw new MatrixError('M_UNKNOWN', 'Leave the room before you forget it.', { status: 400 })
    }
    await this.#database.runInteraction('forget_room', (txn) => setForgotten(txn, roomNid, row.userNid))
    this.#applied++
    this.#ofUser.get(userId)?.set(roomNid, { ...row, forgotten: 1 })
  }

  /** Takes in what member events have changed, after their commit and before their positions are published. */
  apply(changes: readonly MembershipChange[]): void {
    this.#applied++
    for (const { userId, row } of changes) {
      if (row.local === 0) continue
      const rows = this.#ofUser.get(userId)
      rows?.set(row.roomNid, { ...row, stayEnd: stayEndAfter(rows.get(row.roomNid), row) })
      const members = this.#inRoom.get(row.roomNid)
      if (row.membership === 'join') {
        members?.add(userId)
        this.#streams.notifier.joined(userId, row.roomNid)
      } else {
        members?.delete(userId)
        this.#streams.notifier.left(userId, row.roomNid)
      }
    }
  }
}
