/** What must be known of the states around an event to say whether someone may see it. */
export interface ReadingCase {
  /** `history_visibility` before and after the event, as it stands in the state; undefined when there is none. */
  readonly visibilityBefore: string | undefined
  readonly visibilityAfter: string | undefined
  /** The reader's own membership before and after the event. */
  readonly membershipBefore: string | undefined
  readonly membershipAfter: string | undefined
  /** The reader was joined at some time after the event. */
  readonly joinedLater: boolean
}

/**
 * Whether someone may see an event. Where the event itself changes the visibility or the reader's membership, the more
 * generous side counts. https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-4
 */
export function mayRead(reading: ReadingCase): boolean {
  if (reading.membershipBefore === 'join' || reading.membershipAfter === 'join') return true
  const invited = reading.membershipBefore === 'invite' || reading.membershipAfter === 'invite'
  const allows = (visibility: string | undefined): boolean => {
    if (visibility === 'world_readable') return true
    if (visibility === 'joined') return false
    if (visibility === 'invited') return invited
    // No visibility, or one that nobody knows, is `shared`.
    return reading.joinedLater
  }
  return allows(reading.visibilityBefore) || allows(reading.visibilityAfter)
}
