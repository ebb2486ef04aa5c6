import type { UserId } from '#protocol/identifiers.ts'
import type { UserNotifications } from '#users/notification-settings.ts'
import type { EventFacts } from './event-facts.ts'

/** What is unread in one thread. */
export interface Tally {
  /** Events of which the reader is notified. */
  readonly notify: number
  /** Those of them that are to stand out. */
  readonly highlight: number
}

/** What is unread in a room, by thread; threads in which nothing is are left out. */
export type Tallies = ReadonlyMap<string, Tally>

/** The thread of all that is in none. https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts */
export const mainThread = 'main'

export const nothingUnread: Tallies = new Map()

/** Somebody in a room, and how far they have read it. */
export interface Reader {
  readonly userId: UserId
  /** What they are called in the room. */
  readonly displayName: string | undefined
  readonly settings: UserNotifications
  /** Where their stay began: nothing before it counts. */
  readonly joinedPosition: number
  /** Up to which position they have read: '' of the whole room, `main`, or a thread's root. */
  readonly readUpTo: ReadonlyMap<string, number>
  /** Events that they may not see. */
  readonly hidden: ReadonlySet<number>
}

/** An event in the order of arrival. */
export interface CountedEvent {
  readonly facts: EventFacts
  readonly isRedacted: boolean
}

/** Up to which position everything in the room is read, in whatever thread. */
export function roomReadUpTo(reader: Reader): number {
  return Math.max(reader.joinedPosition, reader.readUpTo.get('') ?? 0)
}

/** Up to which position a thread is read. */
export function threadReadUpTo(reader: Reader, threadId: string): number {
  return Math.max(roomReadUpTo(reader), reader.readUpTo.get(threadId) ?? 0)
}

/**
 * What is unread after some more events, in the order of their arrival: those that the reader has not read, may see, did
 * not send, and is notified of. Whoever says something has read the thread in which they say it. Gives `before` itself
 * when nothing changes. https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
export function countOn(before: Tallies, events: readonly CountedEvent[], reader: Reader): Tallies {
  let counts: Map<string, Tally> | undefined
  const readAll = roomReadUpTo(reader)
  for (const { facts, isRedacted } of events) {
    const { threadId, sender } = facts
    if (facts.position <= readAll) continue
    if (sender === reader.userId) {
      if (facts.isSaid && (counts ?? before).has(threadId)) (counts ??= new Map(before)).delete(threadId)
      continue
    }
    if (isRedacted || facts.position <= (reader.readUpTo.get(threadId) ?? 0)) continue
    if (!facts.isState && reader.settings.ignored.has(sender)) continue
    const outcome = facts.evaluator.outcomeFor(reader, reader.settings.rules)
    if (outcome?.notify !== true || reader.hidden.has(facts.eventNid)) continue
    counts ??= new Map(before)
    const tally = counts.get(threadId)
    counts.set(threadId, {
      notify: (tally?.notify ?? 0) + 1,
      highlight: (tally?.highlight ?? 0) + (outcome.highlight ? 1 : 0),
    })
  }
  return counts ?? before
}

/**
 * Whether events change what was counted before them, up to `upTo`: the reader's own name, or an event that they redact
 * of those that are unread.
 */
export function unsettle(
  events: readonly CountedEvent[],
  { reader, tallies, upTo }: { readonly reader: Reader; readonly tallies: Tallies; readonly upTo: number },
): boolean {
  const readAll = roomReadUpTo(reader)
  return events.some(({ facts }) => {
    if (facts.position <= readAll || facts.position <= upTo) return false
    if (facts.memberId === reader.userId) return true
    const { redactsAt } = facts
    return redactsAt !== undefined && redactsAt <= upTo && redactsAt > readAll && tallies.size > 0
  })
}
