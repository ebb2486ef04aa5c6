import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import { eventsInStreamRange, type EventRow } from '#storage/events.ts'
import { localJoinedMembers } from '#storage/memberships.ts'
import { holdsRoom } from '#storage/rooms.ts'
import type { Transaction } from '#storage/transaction.ts'
import {
  addUnread,
  countedUpTo,
  deleteUnread,
  moveCountedUpTo,
  setUnread,
  unreadCountsInRoom,
  type UnreadCountRow,
} from '#storage/unread-counts.ts'
import type { UserNotifications } from '#users/notification-settings.ts'
import type { Room } from '../known-rooms.ts'
import { readCountable, type Countable } from './count.ts'
import type { CountingDeps } from './counting.ts'
import { allReadUpTo, readStandings, storedTallies, type Standing, type Users } from './standings.ts'
import { countOn, nothingUnread, roomReadUpTo, threadReadUpTo, unsettle, type Tallies } from './tallies.ts'

/** Events that one step takes in. */
const eventsOfStepMax = 500
/** Events that are looked at when something is counted again: what is unread before them is left as it is, or not counted. */
export const countedAgainMax = 1_000
/** Users counted for between two rests of the event loop. */
const usersAtOnce = 500

/** What a step has read of a room. */
interface RoomRead {
  /** Where the counters stand; undefined when there are none. */
  readonly from: number | undefined
  /** Where they are to stand. */
  readonly to: number
  readonly rows: readonly UnreadCountRow[]
  /** The events since. */
  readonly since: Countable
  /** Those whose counters do not hold any more, and the events they are counted again from. */
  readonly again: Countable
  /** From which position on events are counted again: all of them, or the newest. */
  readonly againFrom: number
  readonly isWhole: boolean
}

/** Moves the counters of everybody of ours in a room on by one step, in one transaction; false when there is more to do. */
export async function countRoom(deps: CountingDeps, room: Room): Promise<boolean> {
  const users = await usersIn(deps, room)
  const upTo = deps.streams.events.position
  const read = await deps.database.runInteraction(
    'read_to_count',
    (txn) => readRoom(txn, { room, users, upTo, serverName: deps.serverName }),
    { readOnly: true },
  )
  if (read === undefined) return true
  const changes = new Changes(room.roomNid)
  const again = new Map(read.again.standings.map((standing) => [standing.userNid, standing]))
  for (const [index, standing] of read.since.standings.entries()) {
    if (index % usersAtOnce === usersAtOnce - 1) await new Promise<void>((resolve) => setImmediate(resolve))
    const anew = again.get(standing.userNid)
    const after =
      anew === undefined
        ? countOn(storedTallies(standing).tallies, read.since.events.get(room.roomNid) ?? [], standing.reader)
        : countOn(nothingUnread, read.again.events.get(room.roomNid) ?? [], anew.reader)
    changes.take(standing, after)
  }
  const joined = new Set(read.since.standings.map((standing) => standing.userNid))
  const gone = new Set(read.rows.map((row) => row.userNid).filter((userNid) => !joined.has(userNid)))
  await deps.database.runInteraction('count_unread', async (txn) => {
    if (!(await holdsRoom(txn, room.roomNid))) return
    if (!(await moveCountedUpTo(txn, room.roomNid, read.from, read.to))) return
    await changes.write(txn)
    if (gone.size > 0) await deleteUnread(txn, room.roomNid, [...gone])
  })
  return read.isWhole
}

async function usersIn(deps: CountingDeps, { roomNid }: Room): Promise<Users> {
  const members = await deps.database.runInteraction('local_members', (txn) => localJoinedMembers(txn, [roomNid]), {
    readOnly: true,
  })
  const userIds = members.map((member) => parseUserId(member.userId))
  const settings = await deps.notificationSettings.of(userIds)
  return usersWith(members, settings)
}

/** Members with their settings. */
export function usersWith(
  members: readonly { readonly userId: string; readonly userNid: number }[],
  settings: ReadonlyMap<UserId, UserNotifications>,
): Users {
  return members.flatMap(({ userId, userNid }) => {
    const parsed = parseUserId(userId)
    const own = settings.get(parsed)
    return own === undefined ? [] : [{ userId: parsed, userNid, settings: own }]
  })
}

async function readRoom(
  txn: Transaction,
  request: Pick<CountingDeps, 'serverName'> & { readonly room: Room; readonly users: Users; readonly upTo: number },
): Promise<RoomRead | undefined> {
  const { room, users, upTo, serverName } = request
  const { roomNid } = room
  const basis = { rooms: new Map([[roomNid, room]]), serverName }
  const from = await countedUpTo(txn, roomNid)
  if (from !== undefined && from >= upTo) return undefined
  const range = { roomNid, after: from ?? upTo, upTo, limit: eventsOfStepMax, newestFirst: false }
  const rows = await eventsInStreamRange(txn, range)
  const isWhole = rows.length < eventsOfStepMax
  const to = isWhole ? upTo : (rows.at(-1)?.streamPosition ?? upTo)
  const since = await readCountable(txn, rows, await readStandings(txn, [roomNid], users), basis)
  const events = since.events.get(roomNid) ?? []
  const settled = (standing: Standing): boolean => {
    const { tallies, isKnown } = storedTallies(standing)
    return isKnown && !unsettle(events, { reader: standing.reader, tallies, upTo: from ?? 0 })
  }
  const unsettled = since.standings.filter((standing) => from === undefined || !settled(standing))
  const again = await readAgain(txn, { roomNid, standings: unsettled, upTo: to })
  const againFrom = again.length < countedAgainMax ? 0 : (again[0]?.streamPosition ?? 0)
  // Of whom more is unread than that, what was counted stays as it is, if it is known.
  const counted = unsettled.filter(
    (standing) => from === undefined || roomReadUpTo(standing.reader) >= againFrom || !storedTallies(standing).isKnown,
  )
  return {
    from,
    to,
    rows: await unreadCountsInRoom(txn, roomNid),
    since,
    again: await readCountable(txn, again, counted, basis),
    againFrom,
    isWhole,
  }
}

/** The events to count again, in the order of arrival: what these have not read, at most the newest of it. */
export async function readAgain(
  txn: Transaction,
  request: { readonly roomNid: number; readonly standings: readonly Standing[]; readonly upTo: number },
): Promise<EventRow[]> {
  if (request.standings.length === 0) return []
  const { roomNid, upTo } = request
  const after = allReadUpTo(request.standings)
  const limit = countedAgainMax
  return (await eventsInStreamRange(txn, { roomNid, after, upTo, limit, newestFirst: true })).reverse()
}

/** What of a room's counters changes: as much for many users is added to all of them together. */
class Changes {
  readonly #roomNid: number
  readonly #adds = new Map<string, { threadId: string; notify: number; highlight: number; userNids: number[] }>()
  readonly #sets: UnreadCountRow[] = []

  constructor(roomNid: number) {
    this.#roomNid = roomNid
  }

  /** Takes in what a user has unread where the counters are to stand. */
  take({ userNid, reader, rows }: Standing, after: Tallies): void {
    const before = new Map(rows.map((row) => [row.threadId, row]))
    for (const threadId of new Set([...before.keys(), ...after.keys()])) {
      const row = before.get(threadId)
      const { notify, highlight } = after.get(threadId) ?? { notify: 0, highlight: 0 }
      const readUpTo = threadReadUpTo(reader, threadId)
      if (row?.readUpTo === readUpTo) {
        this.#add(threadId, userNid, { notify: notify - row.notify, highlight: highlight - row.highlight })
      } else if (notify > 0 || (row?.notify ?? 0) > 0) {
        this.#sets.push({ roomNid: this.#roomNid, userNid, threadId, readUpTo, notify, highlight })
      }
    }
  }

  #add(threadId: string, userNid: number, { notify, highlight }: { notify: number; highlight: number }): void {
    if (notify === 0 && highlight === 0) return
    const name = `${notify} ${highlight} ${threadId}`
    const add = this.#adds.get(name)
    if (add === undefined) this.#adds.set(name, { threadId, notify, highlight, userNids: [userNid] })
    else add.userNids.push(userNid)
  }

  async write(txn: Transaction): Promise<void> {
    for (const add of this.#adds.values()) await addUnread(txn, { roomNid: this.#roomNid, ...add })
    await setUnread(txn, this.#sets)
  }
}
