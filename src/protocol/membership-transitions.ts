/** What a user can be to a room. https://spec.matrix.org/v1.19/client-server-api/#room-membership */
export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban'

/** What a step from one membership to another means; `impossible` ones are allowed by no room version. */
export type Transition =
  | 'joined'
  | 'profileChanged'
  | 'invited'
  | 'knocked'
  | 'accepted'
  | 'declined'
  | 'left'
  | 'retracted'
  | 'kicked'
  | 'withdrawn'
  | 'denied'
  | 'banned'
  | 'unbanned'
  | 'unchanged'
  | 'impossible'

type Steps = Readonly<Record<Membership, Transition>>

/**
 * By the membership before, then after; where another takes the step, `byOther` has its name. Joining after a knock stands
 * in the specification's table as never happening, but the auth rules allow it where the room has become public.
 */
const steps: Readonly<Record<Membership, Steps>> = {
  invite: { invite: 'unchanged', join: 'accepted', leave: 'declined', ban: 'banned', knock: 'knocked' },
  join: { invite: 'impossible', join: 'profileChanged', leave: 'left', ban: 'banned', knock: 'impossible' },
  leave: { invite: 'invited', join: 'joined', leave: 'unchanged', ban: 'banned', knock: 'knocked' },
  ban: { invite: 'impossible', join: 'impossible', leave: 'unbanned', ban: 'unchanged', knock: 'impossible' },
  knock: { invite: 'invited', join: 'joined', leave: 'retracted', ban: 'banned', knock: 'unchanged' },
}

const byOther: Readonly<Partial<Record<Transition, Transition>>> = {
  declined: 'withdrawn',
  left: 'kicked',
  retracted: 'denied',
}

/** True for the five memberships. */
export function isMembership(value: unknown): value is Membership {
  return value === 'join' || value === 'invite' || value === 'knock' || value === 'leave' || value === 'ban'
}

/**
 * What a step in membership means: a user without one before counts as having left. `bySelf` tells whether the user
 * took the step. Whether it is allowed, the auth rules say.
 * https://spec.matrix.org/v1.19/client-server-api/#mroommember
 */
export function transitionOf(before: Membership | undefined, after: Membership, bySelf: boolean): Transition {
  const step = steps[before ?? 'leave'][after]
  return bySelf ? step : (byOther[step] ?? step)
}
