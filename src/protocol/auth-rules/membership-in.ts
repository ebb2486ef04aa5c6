import type { StateLookup } from '../power-levels.ts'

/** A user's membership in a state: `leave` when there is none. https://spec.matrix.org/v1.19/client-server-api/#room-membership */
export function membershipIn(state: StateLookup, userId: string): string {
  const membership = state('m.room.member', userId)?.content['membership']
  return typeof membership === 'string' ? membership : 'leave'
}

/** The room's join rule: `invite` when there is none. https://spec.matrix.org/v1.19/client-server-api/#mroomjoin_rules */
export function joinRuleIn(state: StateLookup): string {
  const rule = state('m.room.join_rules', '')?.content['join_rule']
  return typeof rule === 'string' ? rule : 'invite'
}
