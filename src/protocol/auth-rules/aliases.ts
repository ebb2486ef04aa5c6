import { serverNameOf } from '../identifiers.ts'
import { allowed, rejected, type AuthContext, type Verdict } from './context.ts'
import { ruleNumbers } from './numbers.ts'

/**
 * Rule 4 of room versions 1 to 5: aliases of a server in a room.
 * https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules
 */
export function checkAliases(context: AuthContext): Verdict {
  const { event, rules } = context
  const number = ruleNumbers(rules).aliases
  // Rule 4.1. The state key is the server's name.
  if (event.stateKey === undefined) return rejected(`${number}.1`, 'aliases have no state key')
  // Rule 4.2. And it is the sender's server.
  if (serverNameOf(event.sender) !== event.stateKey) {
    return rejected(`${number}.2`, 'the aliases belong to another server')
  }
  // Rule 4.3.
  return allowed
}
