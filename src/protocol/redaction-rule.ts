import type { Event } from './event.ts'
import { domainOf } from './identifiers.ts'
import type { PowerLevels } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** What the rule asks of the event that is to be redacted. */
export interface RedactionTarget {
  readonly type: string
  readonly isState: boolean
  readonly sender: string
}

/**
 * Whether a redaction that the auth rules have let through redacts an event of its room. `levels`: as in the state
 * before the redaction. Up to room version 2 the auth rules have said all there is to say; later ones let every
 * redaction through and ask here: whoever has the level for it redacts anything, a server what its own users sent.
 * Without its create event a room is none, so nobody redacts that one.
 * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
export function redacts(
  redaction: Pick<Event, 'sender'>,
  target: RedactionTarget,
  levels: PowerLevels,
  rules: RoomVersionRules,
): boolean {
  if (target.type === 'm.room.create' && target.isState) return false
  if (rules.redactionRule) return true
  const domain = domainOf(redaction.sender)
  return levels.user(redaction.sender) >= levels.named('redact') || domain === domainOf(target.sender)
}
