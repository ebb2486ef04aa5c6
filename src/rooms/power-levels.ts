import { parseEvent } from '#protocol/parse-event.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import { powerLevelsOf, type PowerLevels } from '#protocol/power-levels.ts'
import type { Room } from './known-rooms.ts'
import type { RoomState } from './room-state.ts'

/** Who may do what in a room now. */
export class RoomPowers {
  readonly #roomState: RoomState

  constructor(deps: { readonly roomState: RoomState }) {
    this.#roomState = deps.roomState
  }

  /** The power levels of a room as its state has them now. Two queries at most. */
  async of(room: Room): Promise<PowerLevels> {
    const rows = await this.#roomState.eventsOf(room, [
      { type: 'm.room.power_levels', stateKey: '' },
      { type: 'm.room.create', stateKey: '' },
    ])
    const events = rows.map((row) => parseEvent(row.json, room.version, parseEventId(row.eventId)))
    const ofType = (type: string): (typeof events)[number] | undefined => events.find((event) => event.type === type)
    return powerLevelsOf(ofType('m.room.power_levels'), ofType('m.room.create'), room.version)
  }
}
