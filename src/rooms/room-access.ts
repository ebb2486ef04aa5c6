import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { eventsInStreamRange } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import type { Memberships } from './memberships.ts'
import type { RoomState } from './room-state.ts'
import { endOfLastStay } from './visibility/last-stay.ts'
import { stateValue } from './visibility/state-values.ts'

/** In what way someone may look into a room, and up to where. */
export interface Access {
  readonly room: Room
  /** `left`: they were joined once. `outside`: they never were, but the room lets the whole world read. */
  readonly standing: 'joined' | 'left' | 'outside'
  /** The state they are shown, for who has left: the one they left behind. Undefined: the state now. */
  readonly stateNid: number | undefined
  /** Nothing that arrived after this position is shown to who has left. */
  readonly arrivedBy: number | undefined
}

/** Decides who may look into a room. Which of its events they see there is for `visibility.ts` to say. */
export class RoomAccess {
  readonly #deps: {
    readonly database: Database
    readonly interned: Interned
    readonly knownRooms: KnownRooms
    readonly memberships: Memberships
    readonly roomState: RoomState
  }

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly knownRooms: KnownRooms
    readonly memberships: Memberships
    readonly roomState: RoomState
  }) {
    this.#deps = deps
  }

  /** The room, for someone who must be joined. Throws M_FORBIDDEN, the same for a room that does not exist. */
  async joined(userId: UserId, roomId: RoomId): Promise<Room> {
    const room = await this.#deps.knownRooms.require(roomId)
    await this.#deps.memberships.requireJoined(userId, room.roomNid)
    return room
  }

  /**
   * The room, for someone who reads: joined, or joined once, or anyone where the history is world readable.
   * Throws M_FORBIDDEN otherwise, the same for a room that does not exist. No query for who is joined.
   */
  async read(userId: UserId, roomId: RoomId): Promise<Access> {
    const room = await this.#deps.knownRooms.require(roomId)
    const row = await this.#deps.memberships.in(userId, room.roomNid)
    if (row?.membership === 'join') return { room, standing: 'joined', stateNid: undefined, arrivedBy: undefined }
    if (await this.#isWorldReadable(room))
      return { room, standing: 'outside', stateNid: undefined, arrivedBy: undefined }
    if (row !== undefined && row.forgotten === 0 && (row.membership === 'leave' || row.membership === 'ban')) {
      const arrivedBy = await endOfLastStay(this.#deps, userId, row)
      const stateNid = arrivedBy === undefined ? undefined : await this.#stateAt(room, arrivedBy)
      if (stateNid !== undefined) return { room, standing: 'left', stateNid, arrivedBy }
    }
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room.')
  }

  /** The state after the last event that had arrived by a position. */
  async #stateAt({ roomNid }: Room, upTo: number): Promise<number | undefined> {
    const [last] = await this.#deps.database.runInteraction(
      'last_event_by',
      (txn) => eventsInStreamRange(txn, { roomNid, after: 0, upTo, limit: 1, newestFirst: true }),
      { readOnly: true },
    )
    return last?.stateAfter ?? undefined
  }

  async #isWorldReadable(room: Room): Promise<boolean> {
    const event = await this.#deps.roomState.event(room, 'm.room.history_visibility', '')
    return event !== undefined && stateValue(event.json) === 'world_readable'
  }
}
