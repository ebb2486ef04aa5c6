import type { UserId } from './identifiers.ts'

/** How many members a room's name is made of. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync */
export const heroesMax = 5

/** A membership as choosing heroes looks at it. */
export interface HeroCandidate {
  readonly userId: UserId
  readonly membership: string
  /** Where the membership arrived in the stream of events. */
  readonly streamPosition: number
}

/**
 * The members that stand for a room without a name: the first five by arrival that are joined or invited, without
 * the reader; where nobody is, the first five that have left or are banned. One pass, in any order of candidates.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export function heroesOf(candidates: Iterable<HeroCandidate>, reader: UserId): UserId[] {
  const present: HeroCandidate[] = []
  const gone: HeroCandidate[] = []
  for (const candidate of candidates) {
    if (candidate.userId === reader) continue
    const { membership } = candidate
    if (membership === 'join' || membership === 'invite') keepFirst(present, candidate)
    else if (membership === 'leave' || membership === 'ban') keepFirst(gone, candidate)
  }
  return (present.length > 0 ? present : gone).map((hero) => hero.userId)
}

/** Puts a candidate in its place in a short sorted list, and drops the last one of too many. */
function keepFirst(list: HeroCandidate[], candidate: HeroCandidate): void {
  let at = list.length
  while (at > 0 && isBefore(candidate, list[at - 1])) at -= 1
  if (at < heroesMax) list.splice(at, 0, candidate)
  if (list.length > heroesMax) list.pop()
}

function isBefore(a: HeroCandidate, b: HeroCandidate | undefined): boolean {
  if (b === undefined) return false
  return a.streamPosition < b.streamPosition || (a.streamPosition === b.streamPosition && a.userId < b.userId)
}

/** What a room is called after. Names that are empty texts count as missing. */
export interface RoomNameFacts {
  readonly name: string | undefined
  readonly canonicalAlias: string | undefined
  /** How the heroes are called, disambiguated where two of them share a name. */
  readonly heroNames: readonly string[]
  readonly joinedCount: number
  readonly invitedCount: number
}

/**
 * What to call a room for one of its members, as clients do it: for push notifications and e-mail, in English.
 * https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room
 */
export function roomName(facts: RoomNameFacts): string {
  // Step 1.
  if (facts.name !== undefined && facts.name !== '') return facts.name
  // Step 2.
  if (facts.canonicalAlias !== undefined && facts.canonicalAlias !== '') return facts.canonicalAlias
  const { heroNames } = facts
  const others = facts.joinedCount + facts.invitedCount - 1
  // Step 3.3.
  if (others <= 0) return heroNames.length === 0 ? 'Empty room' : `Empty room (was ${listOf(heroNames)})`
  // Step 3.1.
  if (heroNames.length >= others) return listOf(heroNames)
  // Step 3.2.
  const rest = others - heroNames.length
  return listOf([...heroNames, `${rest} ${rest === 1 ? 'other' : 'others'}`])
}

function listOf(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  if (names.length < 2) return last
  return `${names.slice(0, -1).join(', ')} and ${last}`
}

/**
 * How a member is called among others: the display name, with the user id behind it where it is shared or could be
 * taken for another's id, and the user id alone where there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-user
 */
export function memberName(userId: UserId, displayName: unknown, isShared: boolean): string {
  if (typeof displayName !== 'string' || displayName === '') return userId
  return isShared ? `${displayName} (${userId})` : displayName
}
