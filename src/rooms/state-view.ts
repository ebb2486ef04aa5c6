import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomState } from './room-state.ts'

/** The state of rooms as people may see it: now while they are in the room, as they left it afterwards. */
export class StateView {
  readonly #roomAccess: RoomAccess
  readonly #roomState: RoomState
  readonly #interned: Interned

  constructor(deps: { readonly roomAccess: RoomAccess; readonly roomState: RoomState; readonly interned: Interned }) {
    this.#roomAccess = deps.roomAccess
    this.#roomState = deps.roomState
    this.#interned = deps.interned
  }

  /** Every state event of a room. Throws M_FORBIDDEN for who may not look into it. Costs the size of the state. */
  async all(userId: UserId, roomId: RoomId): Promise<EventRow[]> {
    const { room, stateNid } = await this.#roomAccess.read(userId, roomId)
    const state = stateNid === undefined ? await this.#roomState.current(room) : await this.#roomState.at(stateNid)
    return this.#roomState.events([...state.values()])
  }

  /** The event under one type and state key. Throws M_FORBIDDEN as `all` does, M_NOT_FOUND when there is none. */
  async one(userId: UserId, roomId: RoomId, type: string, stateKey: string): Promise<EventRow> {
    const { room, stateNid } = await this.#roomAccess.read(userId, roomId)
    const event =
      stateNid === undefined
        ? await this.#roomState.event(room, type, stateKey)
        : await this.#eventAt(stateNid, type, stateKey)
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', 'The room has no such state event.')
    return event
  }

  async #eventAt(stateNid: number, type: string, stateKey: string): Promise<EventRow | undefined> {
    const keyNid = await this.#interned.keyNidIfKnown(type, stateKey)
    if (keyNid === undefined) return undefined
    const state = (await this.#roomState.keysAt([stateNid], [keyNid])).get(stateNid)
    const eventNid = state?.get(keyNid)
    return eventNid === undefined ? undefined : (await this.#roomState.events([eventNid]))[0]
  }
}
