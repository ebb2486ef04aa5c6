import { mayRead } from '#protocol/history-visibility.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isShownToClients, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import type { Memberships } from './memberships.ts'
import type { RoomState } from './room-state.ts'
import { endOfLastStay } from './visibility/last-stay.ts'
import { StateValues, type ValuesByState } from './visibility/state-values.ts'

/**
 * Which events of a room someone may see, by the state at each event: what the history visibility was there, and what
 * they were there. https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
export class Visibility {
  readonly #database: Database
  readonly #interned: Interned
  readonly #memberships: Memberships
  readonly #values: StateValues

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly memberships: Memberships
    readonly roomState: RoomState
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#memberships = deps.memberships
    this.#values = new StateValues(deps)
  }

  /**
   * Those of `rows`, all of one room, that the user may see, in their order. Outliers, and what was rejected,
   * soft-failed or withheld, nobody sees. A fixed number of queries, none when the states are remembered.
   */
  async filter(userId: UserId, room: Room, rows: readonly EventRow[]): Promise<EventRow[]> {
    const shown = rows.filter(isShownToClients)
    if (shown.length === 0) return shown
    const [memberKey, visibilityKey] = await this.#keys(userId)
    const values = await this.#values.of(statesAround(shown), [memberKey, visibilityKey])
    const joinedUntil = await this.#joinedUntil(userId, room.roomNid)
    return shown.filter((row) =>
      mayRead({
        visibilityBefore: valueAt(values, row.stateBefore, visibilityKey),
        visibilityAfter: valueAt(values, row.stateAfter, visibilityKey),
        membershipBefore: valueAt(values, row.stateBefore, memberKey),
        membershipAfter: valueAt(values, row.stateAfter, memberKey),
        joinedLater: (row.streamPosition ?? Infinity) < joinedUntil,
      }),
    )
  }

  /** What the user was right after each of these events, which may be of several rooms; by `stateAfter`. */
  async membershipsAfter(userId: UserId, rows: readonly EventRow[]): Promise<ReadonlyMap<number, string>> {
    const states = new Set<number>()
    for (const row of rows) if (row.stateAfter !== null) states.add(row.stateAfter)
    const [memberKey] = await this.#keys(userId)
    const values = await this.#values.of(states, [memberKey])
    return new Map([...states].map((state) => [state, valueAt(values, state, memberKey) ?? 'leave']))
  }

  async #keys(userId: UserId): Promise<readonly [number, number]> {
    const [memberKey, visibilityKey] = await this.#interned.keyNids([
      { type: 'm.room.member', stateKey: userId },
      { type: 'm.room.history_visibility', stateKey: '' },
    ])
    if (memberKey === undefined || visibilityKey === undefined) throw new Error('a state key has no number')
    return [memberKey, visibilityKey]
  }

  /** Before which position of arrival the user was joined at some later time. */
  async #joinedUntil(userId: UserId, roomNid: number): Promise<number> {
    const row = await this.#memberships.in(userId, roomNid)
    if (row === undefined) return -Infinity
    if (row.membership === 'join') return Infinity
    const deps = { database: this.#database, interned: this.#interned }
    return (await endOfLastStay(deps, userId, row)) ?? -Infinity
  }
}

function statesAround(rows: readonly EventRow[]): Set<number> {
  const states = new Set<number>()
  for (const row of rows) {
    if (row.stateBefore !== null) states.add(row.stateBefore)
    if (row.stateAfter !== null) states.add(row.stateAfter)
  }
  return states
}

function valueAt(values: ValuesByState, stateNid: number | null, keyNid: number): string | undefined {
  return stateNid === null ? undefined : (values.get(stateNid)?.get(keyNid) ?? undefined)
}
