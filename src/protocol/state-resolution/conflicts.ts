import type { Event } from '../event.ts'
import type { EventId } from '../identifiers.ts'
import type { StateLookup } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions.ts'

/** A room's state: event ids by `stateKeyText(type, stateKey)`. */
export type StateMap = ReadonlyMap<string, EventId>

/** Where the algorithms find events. */
export interface EventSource {
  /** An event by its id: of the states, and of all they are authorised by. Undefined: not known, and passed over. */
  readonly event: (eventId: EventId) => Event | undefined
  /** True for events that were rejected; they authorise nothing. */
  readonly isRejected: (eventId: EventId) => boolean
}

/** What several branches of a room disagree about, and what is needed to settle it. */
export interface Conflicts extends EventSource {
  readonly rules: RoomVersionRules
  /** All events that stand in some state under a key that is in conflict, each once, in any order. */
  readonly conflicted: readonly EventId[]
  /** What only some of the states are authorised by; not used in room version 1. */
  readonly authDifference: ReadonlySet<EventId>
  /** The event under a key that is not in conflict. */
  readonly unconflicted: StateLookup
  /** What `conflictedSubgraph` would find, by callers that have not brought whole auth chains. */
  readonly subgraph?: ReadonlySet<EventId>
  /**
   * For power levels, the next of their line that matters here, by callers that have not brought whole lines: those that
   * an event at hand names, and those at which lines meet, all matter.
   */
  readonly powerLevelsAbove?: (powerLevels: Event) => Event | undefined
}
