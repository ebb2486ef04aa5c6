import type { UserId } from '#protocol/identifiers.ts'
import { heldRooms } from '#storage/rooms.ts'
import type { Transaction } from '#storage/transaction.ts'
import { setUnread, setUnreadSettings, uncountedEvents, type UnreadCountRow } from '#storage/unread-counts.ts'
import type { UserNotifications } from '#users/notification-settings.ts'
import { countedAgainMax } from './count-room.ts'
import { readCountable } from './count.ts'
import type { CountingDeps } from './counting.ts'
import { readStandings, storedTallies, type Standing, type Users } from './standings.ts'
import { countOn, mainThread, nothingUnread, threadReadUpTo, type CountedEvent, type Tally } from './tallies.ts'

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
  const upTo = deps.streams.events.position
  const countable = await deps.database.runInteraction(
    'read_to_renew',
    async (txn) => {
      const range = { roomNids, user, upTo, withoutCounters: true, limit: countedAgainMax }
      const events = await uncountedEvents(txn, range)
      return readCountable(txn, events, await readStandings(txn, roomNids, [user]), basis)
    },
    { readOnly: true },
  )
  const before = deps.notificationSettings.before(user.userId)
  const changed = countable.standings.flatMap((standing) =>
    changedRows(standing, countable.events.get(standing.roomNid) ?? [], before),
  )
  if (changed.length > 0) {
    await deps.streams.receipts.append(
      deps.database,
      'renew_unread',
      (txn, position) => setWhereThere(txn, changed, position),
      () => ({ users: [user.userId] }),
    )
  }
  deps.onRenewed(user.userId, roomNids)
}

async function setWhereThere(txn: Transaction, rows: readonly UnreadCountRow[], position: number): Promise<void> {
  const held = await heldRooms(txn, [...new Set(rows.map((row) => row.roomNid))])
  const there = rows.filter((row) => held.has(row.roomNid))
  await setUnread(txn, there, position)
}

/**
 * The counters of a room that say something else than they did; of a room in which something else is unread by that
 * alone which they do not hold yet, those of the main timeline, so that clients are told of it.
 */
function changedRows(standing: Standing, events: readonly CountedEvent[], before: UserNotifications): UnreadCountRow[] {
  const { roomNid, userNid, reader, rows, countedUpTo = 0 } = standing
  const stored = storedTallies(standing).tallies
  const held = events.filter((event) => event.facts.position <= countedUpTo)
  const after = countOn(nothingUnread, held, reader)
  const row = (threadId: string): UnreadCountRow => {
    const { notify, highlight } = after.get(threadId) ?? { notify: 0, highlight: 0 }
    return { roomNid, userNid, threadId, readUpTo: threadReadUpTo(reader, threadId), notify, highlight }
  }
  const threadIds = new Set([...rows.map((each) => each.threadId), ...after.keys()])
  const changed = [...threadIds].filter((threadId) => !areAlike(stored.get(threadId), after.get(threadId)))
  if (changed.length > 0) return changed.map(row)
  const [was, is] = [before, reader.settings].map((settings) => countOn(nothingUnread, events, { ...reader, settings }))
  const all = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])
  return [...all].some((threadId) => !areAlike(was?.get(threadId), is?.get(threadId))) ? [row(mainThread)] : []
}

function areAlike(one: Tally | undefined, other: Tally | undefined): boolean {
  return (one?.notify ?? 0) === (other?.notify ?? 0) && (one?.highlight ?? 0) === (other?.highlight ?? 0)
}
