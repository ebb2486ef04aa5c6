import { isUserId } from '../identifiers.ts'
import { allowed, rejected, type AuthContext, type MemberContext, type Verdict } from './context.ts'
import { checkInvite } from './invite.ts'
import { checkJoin } from './join.ts'
import { joinRuleIn, membershipIn } from './membership-in.ts'
import { memberRule, ruleNumbers } from './numbers.ts'

/**
 * Rule 5: who becomes, stays or ceases to be what in a room.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkMember(context: AuthContext): Verdict {
  const { event, rules } = context
  const { stateKey, content } = event
  const { membership } = content
  const number = ruleNumbers(rules).member
  // Rule 5.1. It says who and what.
  if (stateKey === undefined || membership === undefined) {
    return rejected(`${number}.1`, 'a membership has no state key or no membership')
  }
  // Rule 5.2, from version 8. Whoever let the user in has signed, too: the signature is checked with the others, in
  // event-signatures.ts; here it is seen that there is a server that can have signed.
  if (rules.restricted && content['join_authorised_via_users_server'] !== undefined) {
    if (!isUserId(content['join_authorised_via_users_server'])) {
      return rejected(`${number}.2.1`, 'join_authorised_via_users_server is not a user id')
    }
  }
  const memberContext: MemberContext = { ...context, target: stateKey }
  // Rules 5.3 to 5.7.
  if (membership === 'join') return checkJoin(memberContext)
  if (membership === 'invite') return checkInvite(memberContext)
  if (membership === 'leave') return checkLeave(memberContext)
  if (membership === 'ban') return checkBan(memberContext)
  if (membership === 'knock' && rules.knock) return checkKnock(memberContext)
  // Rule 5.8.
  return rejected(memberRule(rules, 'unknown'), 'the membership is not known')
}

/** Rule 5.5: leaving, refusing an invitation, taking back a knock; kicking and unbanning. */
function checkLeave(context: MemberContext): Verdict {
  const { event, state, rules, levels, target } = context
  const senderMembership = membershipIn(state, event.sender)
  // Rule 5.5.1. One's own membership can be ended while there is one.
  if (event.sender === target) {
    if (senderMembership === 'invite' || senderMembership === 'join') return allowed
    if (rules.knock && senderMembership === 'knock') return allowed
    return rejected(memberRule(rules, 'leave', 1), 'the sender is not in the room, nor invited')
  }
  // Rule 5.5.2. Only members send others away.
  if (senderMembership !== 'join') return rejected(memberRule(rules, 'leave', 2), 'the sender is not in the room')
  const senderLevel = levels.user(event.sender)
  // Rule 5.5.3. Lifting a ban takes what banning takes.
  if (membershipIn(state, target) === 'ban' && senderLevel < levels.named('ban')) {
    return rejected(memberRule(rules, 'leave', 3), 'the sender may not lift a ban')
  }
  // Rule 5.5.4. Kicking takes the level for it, and more than the other has.
  if (senderLevel >= levels.named('kick') && levels.user(target) < senderLevel) return allowed
  // Rule 5.5.5.
  return rejected(memberRule(rules, 'leave', 5), 'the sender may not kick this user')
}

/** Rule 5.6: banning, members and others. */
function checkBan(context: MemberContext): Verdict {
  const { event, state, rules, levels, target } = context
  // Rule 5.6.1. Only members ban.
  if (membershipIn(state, event.sender) !== 'join') {
    return rejected(memberRule(rules, 'ban', 1), 'the sender is not in the room')
  }
  // Rule 5.6.2. It takes the level for it, and more than the other has.
  const senderLevel = levels.user(event.sender)
  if (senderLevel >= levels.named('ban') && levels.user(target) < senderLevel) return allowed
  // Rule 5.6.3.
  return rejected(memberRule(rules, 'ban', 3), 'the sender may not ban this user')
}

/** Rule 5.7, from version 7: asking to be let in. */
function checkKnock(context: MemberContext): Verdict {
  const { event, state, rules, target } = context
  const joinRule = joinRuleIn(state)
  // Rule 5.7.1. The room has a door to knock on.
  if (joinRule !== 'knock' && !(rules.knockRestricted && joinRule === 'knock_restricted')) {
    return rejected(memberRule(rules, 'knock', 1), 'the room does not take knocks')
  }
  // Rule 5.7.2. One knocks for oneself.
  if (event.sender !== target) return rejected(memberRule(rules, 'knock', 2), 'the sender knocks for another user')
  // Rule 5.7.3. Who is banned, invited or inside does not knock.
  const membership = membershipIn(state, target)
  if (membership !== 'ban' && membership !== 'invite' && membership !== 'join') return allowed
  // Rule 5.7.4.
  return rejected(memberRule(rules, 'knock', 4), 'the sender is banned, invited or in the room')
}
