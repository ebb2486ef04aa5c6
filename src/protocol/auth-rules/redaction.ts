import { domainOf } from '../identifiers.ts'
import { redactedEventIdOf } from '../redaction.ts'
import { allowed, rejected, type AuthContext, type Verdict } from './context.ts'
import { ruleNumbers } from './numbers.ts'

/**
 * Rule 11 of room versions 1 and 2: redactions. Later versions allow all and decide when one is applied.
 * https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules
 */
export function checkRedaction(context: AuthContext): Verdict {
  const { event, levels, rules } = context
  // Rule 11.1. Whoever has the level for it redacts anything.
  if (levels.user(event.sender) >= levels.named('redact')) return allowed
  // Rule 11.2. A server redacts what has an id of its own.
  const redacts = redactedEventIdOf(event.pdu, rules)
  const domain = domainOf(event.eventId)
  if (redacts !== undefined && domain !== undefined && domainOf(redacts) === domain) return allowed
  // Rule 11.3.
  return rejected(`${ruleNumbers(rules).redaction}.3`, 'the sender may not redact events of other servers')
}
