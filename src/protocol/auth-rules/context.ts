import type { Event } from '../event.ts'
import { powerLevelsOf, type PowerLevels, type StateLookup } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions.ts'

/** What the auth rules say of an event; `rule` is the rule's number in the specification of the room's version. */
export type Verdict =
  { readonly allowed: true } | { readonly allowed: false; readonly rule: string; readonly reason: string }

/** What the rules read. */
export interface AuthContext {
  readonly event: Event
  readonly state: StateLookup
  readonly rules: RoomVersionRules
  readonly create: Event
  readonly levels: PowerLevels
}

/** What the rules about membership read: the context, and the user that the event is about. */
export interface MemberContext extends AuthContext {
  readonly target: string
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
