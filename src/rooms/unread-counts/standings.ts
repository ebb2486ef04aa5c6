import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { eventsByNids } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import { readUpTo, unreadCounts, unreadStandings, type UnreadCountRow } from '#storage/unread-counts.ts'
import type { UserNotifications } from '#users/notification-settings.ts'
import { nothingUnread, roomReadUpTo, threadReadUpTo, type Reader, type Tallies, type Tally } from './tallies.ts'

/** One of ours in a room: how far they have read, and what the room's counters say of them. */
export interface Standing {
  readonly roomNid: number
  readonly userNid: number
  readonly reader: Reader
  readonly memberEventNid: number
  /** Undefined: the room has no counters yet. */
  readonly countedUpTo: number | undefined
  readonly rows: readonly UnreadCountRow[]
}

/** Users of ours, and what they want to be notified of. */
export type Users = readonly {
  readonly userId: UserId
  readonly userNid: number
  readonly settings: UserNotifications
}[]

const nothingHidden: ReadonlySet<number> = new Set()

/** How those of the users who are joined to those of the rooms stand in them. Three queries, whatever the numbers. */
export async function readStandings(txn: Transaction, roomNids: readonly number[], users: Users): Promise<Standing[]> {
  const byNid = new Map(users.map((user) => [user.userNid, user]))
  const userNids = [...byNid.keys()]
  const userIds = users.map((user) => user.userId)
  const joined = await unreadStandings(txn, roomNids, userNids)
  const read = Map.groupBy(await readUpTo(txn, roomNids, userIds), (row) => `${row.roomNid} ${row.userId}`)
  const counts = Map.groupBy(await unreadCounts(txn, roomNids, userNids), (row) => `${row.roomNid} ${row.userNid}`)
  return joined.flatMap(({ roomNid, userNid, joinedPosition, memberEventNid, countedUpTo }) => {
    const user = byNid.get(userNid)
    if (user === undefined) return []
    const receipts = read.get(`${roomNid} ${user.userId}`) ?? []
    const reader: Reader = {
      userId: user.userId,
      displayName: undefined,
      settings: user.settings,
      joinedPosition,
      readUpTo: new Map(receipts.map((row) => [row.threadId, row.position])),
      hidden: nothingHidden,
    }
    const rows = counts.get(`${roomNid} ${userNid}`) ?? []
    return { roomNid, userNid, reader, memberEventNid, countedUpTo: countedUpTo ?? undefined, rows }
  })
}

/** The standings with what the users are called in the rooms. One query. */
export async function withNames(txn: Transaction, standings: readonly Standing[]): Promise<Standing[]> {
  const rows = await eventsByNids(
    txn,
    standings.map((standing) => standing.memberEventNid),
  )
  const names = new Map(rows.map((row) => [row.eventNid, row.redactedBy === null ? displayName(row.json) : undefined]))
  return standings.map((standing) => ({
    ...standing,
    reader: { ...standing.reader, displayName: names.get(standing.memberEventNid) },
  }))
}

function displayName(json: string): string | undefined {
  const content: unknown = JSON.parse(jsonMember(json, 'content') ?? '{}')
  const name = isJsonObject(content) ? content['displayname'] : undefined
  return typeof name === 'string' ? name : undefined
}

/**
 * What a room's counters say to somebody now. They say nothing of a thread that was read further since they were made:
 * nothing is unread of what they hold when it was read to where they go, otherwise it is not known and has to be counted.
 */
export function storedTallies({ reader, countedUpTo, rows }: Standing): { tallies: Tallies; isKnown: boolean } {
  let tallies: Map<string, Tally> | undefined
  let isKnown = true
  for (const { threadId, readUpTo: from, notify, highlight } of rows) {
    if (notify === 0) continue
    const readTo = threadReadUpTo(reader, threadId)
    if (readTo === from) (tallies ??= new Map()).set(threadId, { notify, highlight })
    else if (readTo < (countedUpTo ?? 0)) isKnown = false
  }
  return { tallies: tallies ?? nothingUnread, isKnown }
}

/** Up to where everybody has read the room. */
export function allReadUpTo(standings: readonly Standing[]): number {
  return standings.reduce((least, { reader }) => Math.min(least, roomReadUpTo(reader)), Infinity)
}
