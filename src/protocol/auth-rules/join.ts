import { creatorsOf } from '../power-levels.ts'
import { allowed, rejected, type MemberContext, type Verdict } from './context.ts'
import { joinRuleIn, membershipIn } from './membership-in.ts'
import { memberRule } from './numbers.ts'

/**
 * Rule 5.3: joining, or changing one's name while in the room.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkJoin(context: MemberContext): Verdict {
  const { event, state, rules, target } = context
  // Rule 5.3.1. The creator is the first to join.
  if (isFirstJoin(context)) return allowed
  // Rule 5.3.2. Nobody joins for another.
  if (event.sender !== target) return rejected(memberRule(rules, 'join', 2), 'the sender joins for another user')
  const membership = membershipIn(state, event.sender)
  // Rule 5.3.3.
  if (membership === 'ban') return rejected(memberRule(rules, 'join', 3), 'the sender is banned')
  const invited = membership === 'invite' || membership === 'join'
  const joinRule = joinRuleIn(state)
  // Rule 5.3.4. Where one is invited, those who are may join; where one knocks, the same.
  if (joinRule === 'invite' || (rules.knock && joinRule === 'knock')) {
    if (invited) return allowed
  }
  // Rule 5.3.5, from version 8. Where some other rooms' members may join, a member who may invite has let them in.
  const restricted = rules.restricted && joinRule === 'restricted'
  if (restricted || (rules.knockRestricted && joinRule === 'knock_restricted')) {
    // Rule 5.3.5.1. The invited need nobody.
    if (invited) return allowed
    // Rule 5.3.5.2.
    if (!isAuthorised(context)) {
      return rejected(memberRule(rules, 'join', '5.2'), 'no member who may invite has authorised the join')
    }
    // Rule 5.3.5.3.
    return allowed
  }
  // Rule 5.3.6. Anybody may join a public room.
  if (joinRule === 'public') return allowed
  // Rule 5.3.7.
  return rejected(memberRule(rules, 'join', rules.restricted ? 7 : 6), 'the sender is not invited')
}

/** The only event before this one is the create event, and the one who joins is the creator. */
function isFirstJoin(context: MemberContext): boolean {
  const { event, create, rules, target } = context
  if (event.prevEvents.length !== 1 || event.prevEvents[0] !== create.eventId) return false
  return rules.creatorIsSender ? create.sender === target : creatorsOf(create, rules).has(target)
}

function isAuthorised(context: MemberContext): boolean {
  const authoriser = context.event.content['join_authorised_via_users_server']
  if (typeof authoriser !== 'string') return false
  if (membershipIn(context.state, authoriser) !== 'join') return false
  return context.levels.user(authoriser) >= context.levels.named('invite')
}
