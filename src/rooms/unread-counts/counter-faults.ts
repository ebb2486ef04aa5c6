import { parseUserId, type ServerName } from '#protocol/identifiers.ts'
import { eventsInStreamRange } from '#storage/events.ts'
import { localJoinedMembers } from '#storage/memberships.ts'
import type { Transaction } from '#storage/transaction.ts'
import { countedUpTo, unreadSettings } from '#storage/unread-counts.ts'
import { readNotificationSettings } from '#users/notification-settings.ts'
import type { Room } from '../known-rooms.ts'
import { countedAgainMax, readAgain, usersWith } from './count-room.ts'
import { readCountable } from './count.ts'
import { readStandings, storedTallies, type Standing } from './standings.ts'
import { countOn, nothingUnread, roomReadUpTo, unsettle, type Tallies } from './tallies.ts'

/**
 * Counts anew what the counters of a room hold, and says in a sentence each where they are wrong. Counters that say
 * nothing now, because somebody has read further or wants to be notified of other events, are left out, and so is who
 * has more unread than is counted again.
 */
export async function counterFaults(txn: Transaction, room: Room, serverName: ServerName): Promise<string[]> {
  const { roomNid } = room
  const upTo = await countedUpTo(txn, roomNid)
  if (upTo === undefined) return []
  const members = await localJoinedMembers(txn, [roomNid])
  const userIds = members.map((member) => parseUserId(member.userId))
  const users = usersWith(members, await readNotificationSettings(txn, userIds))
  const counted = new Map((await unreadSettings(txn, users.map((user) => user.userNid))).map((row) => [row.userNid, row.position])) // prettier-ignore
  const settled = users.filter((user) => user.settings.position <= (counted.get(user.userNid) ?? 0))
  const basis = { rooms: new Map([[roomNid, room]]), serverName }
  const range = { roomNid, after: upTo, upTo: Number.MAX_SAFE_INTEGER, limit: countedAgainMax, newestFirst: false }
  const later = await readCountable(txn, await eventsInStreamRange(txn, range), [], basis)
  const standings = (await readStandings(txn, [roomNid], settled)).filter((standing) => {
    const { tallies, isKnown } = storedTallies(standing)
    return isKnown && !unsettle(later.events.get(roomNid) ?? [], { reader: standing.reader, tallies, upTo })
  })
  const rows = await readAgain(txn, { roomNid, standings, upTo })
  const from = rows.length < countedAgainMax ? 0 : (rows[0]?.streamPosition ?? 0)
  const whole = standings.filter((standing) => roomReadUpTo(standing.reader) >= from)
  const { events, standings: ready } = await readCountable(txn, rows, whole, basis)
  return ready.flatMap((standing) =>
    differences(standing, countOn(nothingUnread, events.get(roomNid) ?? [], standing.reader)),
  )
}

function differences(standing: Standing, right: Tallies): string[] {
  const { tallies } = storedTallies(standing)
  const { userId } = standing.reader
  return [...new Set([...tallies.keys(), ...right.keys()])].flatMap((threadId) => {
    const has = tallies.get(threadId) ?? { notify: 0, highlight: 0 }
    const should = right.get(threadId) ?? { notify: 0, highlight: 0 }
    if (has.notify === should.notify && has.highlight === should.highlight) return []
    const text = (tally: typeof has): string => `${tally.notify} (${tally.highlight} of them standing out)`
    return [`unread_counts has ${text(has)} in ${threadId} for ${userId}; it should be ${text(should)}.`]
  })
}
