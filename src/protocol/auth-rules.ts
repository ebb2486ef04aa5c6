import { checkAliases } from './auth-rules/aliases.ts'
import { allowed, contextOf, rejected, type AuthContext, type Verdict } from './auth-rules/context.ts'
import { checkCreate } from './auth-rules/create.ts'
import { checkMember } from './auth-rules/member.ts'
import { membershipIn } from './auth-rules/membership-in.ts'
import { ruleNumbers } from './auth-rules/numbers.ts'
import { checkPowerLevels } from './auth-rules/power-level-changes.ts'
import { checkRedaction } from './auth-rules/redaction.ts'
import type { Event } from './event.ts'
import { createEventIdOf } from './hashes.ts'
import { serverNameOf, type UserId } from './identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import type { StateLookup } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { stateKeyText } from './state-key.ts'

export type { Verdict }

/** An event that another names in its `auth_events`, and whether it was itself rejected. */
export interface NamedAuthEvent {
  readonly event: Event
  readonly rejected: boolean
}

/**
 * Whether the auth rules allow an event in a state: a verdict for any JSON that is an event, never an exception.
 * `state` gives the room's create event in every room version, also where events do not name it. Not checked here:
 * the rules about the events named in `auth_events` (`checkAuthEvents`), and signatures (`event-signatures.ts`).
 * The rules stand in the order of the specification, numbered as in room version 12; a verdict names the rule by the
 * number it has in the room's own version. About a microsecond for a message in a room whose levels were read before.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkAuth(event: Event, state: StateLookup, rules: RoomVersionRules): Verdict {
  // Rule 1. A create event stands at the start of its room and is checked by itself.
  if (event.type === 'm.room.create') return checkCreate(event, rules)

  const numbers = ruleNumbers(rules)
  const create = state('m.room.create', '')
  // Rule 2. The room id is the id of the create event that made the room; before version 12 the create event must be
  // among the auth events (rule 2.4 there), which comes to the same here: there is one.
  if (create === undefined) return rejected(numbers.noCreate, 'the room has no create event')
  if (rules.roomIdIsCreateId && create.eventId !== createEventIdOf(event.roomId)) {
    return rejected(numbers.noCreate, 'the room id is not that of the create event')
  }
  // Rule 4. A room may be closed to other servers than its creator's.
  if (create.content['m.federate'] === false && serverNameOf(event.sender) !== serverNameOf(create.sender)) {
    return rejected(numbers.federate, 'the room is closed to other servers')
  }

  const context = contextOf(event, state, rules, create)
  // Rule 4 of versions 1 to 5. Servers look after their own aliases, members or not.
  if (rules.aliasesRule && event.type === 'm.room.aliases') return checkAliases(context)
  // Rule 5. Membership has rules of its own.
  if (event.type === 'm.room.member') return checkMember(context)
  return checkByMember(context)
}

/** The rules from number 6 on: for all events that only members of the room may send. */
function checkByMember(context: AuthContext): Verdict {
  const { event, levels, rules, state } = context
  const numbers = ruleNumbers(rules)
  // Rule 6. Only members send events.
  if (membershipIn(state, event.sender) !== 'join') return rejected(numbers.joined, 'the sender is not in the room')
  const senderLevel = levels.user(event.sender)
  // Rule 7. Inviting somebody by e-mail or telephone takes what inviting takes, and nothing else.
  if (event.type === 'm.room.third_party_invite') {
    if (senderLevel >= levels.named('invite')) return allowed
    return rejected(`${numbers.thirdPartyInvite}.1`, 'the sender may not invite')
  }
  // Rule 8. Every type of event needs a level.
  if (levels.required(event.type, event.stateKey !== undefined) > senderLevel) {
    return rejected(numbers.level, 'the sender has too low a power level for this type of event')
  }
  // Rule 9. A state key that names a user belongs to that user.
  if (event.stateKey?.startsWith('@') === true && event.stateKey !== event.sender) {
    return rejected(numbers.ownStateKey, 'the state key names another user')
  }
  // Rule 10. Nobody takes or gives more power than they have.
  if (event.type === 'm.room.power_levels') return checkPowerLevels(context)
  // Rule 11 of versions 1 and 2.
  if (rules.redactionRule && event.type === 'm.room.redaction') return checkRedaction(context)
  // Rule 11. All else is allowed.
  return allowed
}

/**
 * The rules about the events that an event names in `auth_events`: rule 3 (rule 2 before room version 12). `named`
 * holds all of them; an event with some missing cannot be checked yet.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkAuthEvents(event: Event, named: readonly NamedAuthEvent[], rules: RoomVersionRules): Verdict {
  // A create event names none: it has nothing before it.
  if (event.type === 'm.room.create') return allowed
  const number = ruleNumbers(rules).authEvents
  const wanted = new Set(authEventKeys(event, rules).map(([type, stateKey]) => stateKeyText(type, stateKey)))
  const seen = new Set<string>()
  for (const { event: authEvent } of named) {
    const key = stateKeyText(authEvent.type, authEvent.stateKey ?? '')
    // Rule 3.1. One event for each part of the state.
    if (seen.has(key)) return rejected(`${number}.1`, `there are two auth events of type ${authEvent.type}`)
    seen.add(key)
  }
  for (const { event: authEvent } of named) {
    // Rule 3.2. Nothing that does not bear on the event.
    if (authEvent.stateKey === undefined || !wanted.has(stateKeyText(authEvent.type, authEvent.stateKey))) {
      return rejected(`${number}.2`, `an auth event of type ${authEvent.type} has no bearing on the event`)
    }
  }
  // Rule 3.3. Nothing that was rejected.
  if (named.some((each) => each.rejected)) return rejected(`${number}.3`, 'an auth event was itself rejected')
  // Rule 2.4 before version 12. The create event is among them.
  if (!rules.roomIdIsCreateId && !seen.has(stateKeyText('m.room.create', ''))) {
    return rejected(`${number}.4`, 'the create event is not among the auth events')
  }
  // Rule 3.5. Nothing from another room.
  if (named.some((each) => each.event.roomId !== event.roomId)) {
    return rejected(`${number}.5`, 'an auth event is from another room')
  }
  return allowed
}

/** What decides which parts of the state bear on an event. */
export interface AuthEventsDraft {
  readonly type: string
  readonly sender: UserId
  readonly stateKey?: string | undefined
  readonly content: JsonObject
}

/**
 * The parts of a room's state, as type and state key, that an event names in `auth_events` where they exist.
 * Each once; none for a create event.
 * https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
 */
export function authEventKeys(draft: AuthEventsDraft, rules: RoomVersionRules): [type: string, stateKey: string][] {
  const { type, sender, stateKey, content } = draft
  if (type === 'm.room.create') return []
  const keys: [string, string][] = rules.roomIdIsCreateId ? [] : [['m.room.create', '']]
  keys.push(['m.room.power_levels', ''], ['m.room.member', sender])
  if (type !== 'm.room.member') return keys

  const addMember = (userId: JsonValue | undefined): void => {
    if (typeof userId !== 'string') return
    if (!keys.some(([keyType, key]) => keyType === 'm.room.member' && key === userId)) {
      keys.push(['m.room.member', userId])
    }
  }
  const membership = content['membership']
  addMember(stateKey)
  if (membership === 'join' || membership === 'invite' || membership === 'knock') keys.push(['m.room.join_rules', ''])
  if (membership === 'invite') {
    const token = thirdPartyTokenOf(content)
    if (token !== undefined) keys.push(['m.room.third_party_invite', token])
  }
  if (membership === 'join' && rules.restricted) addMember(content['join_authorised_via_users_server'])
  return keys
}

/** The token of the invitation by e-mail or telephone that a membership answers, or undefined. */
function thirdPartyTokenOf(content: JsonObject): string | undefined {
  const invite = content['third_party_invite']
  const signed = isJsonObject(invite) ? invite['signed'] : undefined
  const token = isJsonObject(signed) ? signed['token'] : undefined
  return typeof token === 'string' ? token : undefined
}
