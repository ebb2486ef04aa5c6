import type { UserId } from '#protocol/identifiers.ts'
import { setUnread, setUnreadSettings, uncountedEvents, type UnreadCountRow } from '#storage/unread-counts.ts'
import { countedAgainMax } from './count-room.ts'
import { readCountable } from './count.ts'
import type { CountingDeps } from './counting.ts'
import { readStandings, storedTallies, type Standing, type Users } from './standings.ts'
import { countOn, nothingUnread, threadReadUpTo, type Tallies } from './tallies.ts'

/** Rooms counted together: each may have as many events as are looked at. */
const roomsAtOnce = 4

/**
 * Makes the counters of a user anew in all their rooms, by what they want to be notified of now, and tells their clients
 * of the rooms in which that changes anything.
 */
export async function renewUser(deps: CountingDeps, userId: UserId, isOver: () => boolean): Promise<void> {
  const { database, interned, memberships, notificationSettings } = deps
  const settings = (await notificationSettings.of([userId])).get(userId)
  if (settings === undefined) return
  const user = { userId, userNid: await interned.userNid(userId), settings }
  const joined = [...(await memberships.of(userId)).values()].filter((row) => row.membership === 'join')
  const roomNids = joined.map((row) => row.roomNid)
  for (let at = 0; at < roomNids.length; at += roomsAtOnce) {
    if (isOver()) return
    await renewRooms(deps, user, roomNids.slice(at, at + roomsAtOnce))
  }
  await database.runInteraction('set_unread_settings', (txn) => setUnreadSettings(txn, user.userNid, settings.position))
}

async function renewRooms(deps: CountingDeps, user: Users[number], roomNids: readonly number[]): Promise<void> {
  const rooms = await deps.knownRooms.byNids(roomNids)
  const basis = { rooms, serverName: deps.serverName }
  const countable = await deps.database.runInteraction(
    'read_to_renew',
    async (txn) => {
      const standings = (await readStandings(txn, roomNids, [user])).filter((each) => each.countedUpTo !== undefined)
      const range = { user, upTo: 0, withoutCounters: true, toCounters: true, limit: countedAgainMax }
      const counted = standings.map((standing) => standing.roomNid)
      const rows = counted.length === 0 ? [] : await uncountedEvents(txn, { ...range, roomNids: counted })
      return readCountable(txn, rows, standings, basis)
    },
    { readOnly: true },
  )
  const rows = countable.standings.flatMap((standing) =>
    changedRows(standing, countOn(nothingUnread, countable.events.get(standing.roomNid) ?? [], standing.reader)),
  )
  if (rows.length > 0) {
    await deps.streams.receipts.append(
      deps.database,
      'renew_unread',
      (txn, position) => setUnread(txn, rows, position),
      () => ({ users: [user.userId] }),
    )
  }
  deps.onRenewed(user.userId, roomNids)
}

/** The rows that say something else than they did. */
function changedRows(standing: Standing, after: Tallies): UnreadCountRow[] {
  const { roomNid, userNid, reader, rows } = standing
  const before = storedTallies(standing).tallies
  const threadIds = new Set([...rows.map((row) => row.threadId), ...after.keys()])
  return [...threadIds].flatMap((threadId) => {
    const { notify, highlight } = after.get(threadId) ?? { notify: 0, highlight: 0 }
    const was = before.get(threadId)
    if ((was?.notify ?? 0) === notify && (was?.highlight ?? 0) === highlight) return []
    return [{ roomNid, userNid, threadId, readUpTo: threadReadUpTo(reader, threadId), notify, highlight }]
  })
}
