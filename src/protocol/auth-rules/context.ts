import type { Verdict } from '../auth-rules.ts'
import type { Event } from '../event.ts'
import { powerLevelsOf, type PowerLevels, type StateLookup } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions.ts'

/** What the rules read. */
export interface AuthContext {
  readonly event: Event
  readonly state: StateLookup
  readonly rules: RoomVersionRules
  readonly create: Event
  readonly levels: PowerLevels
}

export const allowed: Verdict = { allowed: true }

/** The verdict of the rule that an event breaks. */
export function rejected(rule: string, reason: string): Verdict {
  return { allowed: false, rule, reason }
}

/** Gathers what the rules read of a state. */
export function contextOf(event: Event, state: StateLookup, rules: RoomVersionRules, create: Event): AuthContext {
  const levels = powerLevelsOf(state('m.room.power_levels', ''), create, rules)
  return { event, state, rules, create, levels }
}
