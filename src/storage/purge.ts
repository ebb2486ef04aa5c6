import { deleteAuthStretches } from './auth-chains.ts'
import { packNids, unpackNids } from './packed-nids.ts'
import { discountRelations } from './relation-counts.ts'
import type { Transaction } from './transaction.ts'

/** A purge that was asked for and has not ended: of a room's history before a depth, or of the whole room. */
export interface PurgeRow {
  readonly roomNid: number
  /** Events of smaller depth go; null: everything does. */
  readonly beforeDepth: number | null
}

/** What a purge has to know of an event that stays. */
export interface KeptEvent {
  readonly eventNid: number
  readonly topological: number
  readonly stateBefore: number | null
  readonly stateAfter: number | null
  readonly prevNids: readonly number[]
  readonly authNids: readonly number[]
}

/** What a purge has to know of an event that may go. */
export interface OldEvent {
  readonly eventNid: number
  readonly eventId: string
  readonly roomNid: number
  readonly keyNid: number | null
  readonly topological: number
  readonly streamPosition: number | null
  readonly outlier: number
  readonly stateBefore: number | null
  readonly stateAfter: number | null
}

/** Notes that a purge is wanted, so that it is not forgotten by a restart. Of two for one room the one that deletes more stands. */
export async function startPurge(txn: Transaction, purge: PurgeRow): Promise<void> {
  await txn.run(
    `INSERT INTO purges (room_nid, before_depth) VALUES (?, ?)
     ON CONFLICT (room_nid) DO UPDATE SET before_depth = excluded.before_depth
     WHERE excluded.before_depth IS NULL OR purges.before_depth < excluded.before_depth`,
    purge.roomNid,
    purge.beforeDepth,
  )
}

/** Purges that have not ended. */
export function openPurges(txn: Transaction): Promise<PurgeRow[]> {
  return txn.all('SELECT room_nid AS "roomNid", before_depth AS "beforeDepth" FROM purges ORDER BY room_nid')
}

/** Notes that a purge has ended, unless one that deletes more is wanted by now. */
export async function endPurge(txn: Transaction, { roomNid, beforeDepth }: PurgeRow): Promise<void> {
  if (beforeDepth === null) await txn.run('DELETE FROM purges WHERE room_nid = ?', roomNid)
  else await txn.run('DELETE FROM purges WHERE room_nid = ? AND before_depth <= ?', roomNid, beforeDepth)
}

/** The events of a room's graph at and after a place, in topological order. */
export async function keptEvents(
  txn: Transaction,
  page: {
    readonly roomNid: number
    /** Places are events' depths and numbers. */
    readonly from: { readonly topological: number; readonly eventNid: number }
    readonly limit: number
  },
): Promise<KeptEvent[]> {
  const rows = await txn.all<
    Omit<KeptEvent, 'prevNids' | 'authNids'> & { prevNids: Uint8Array | null; authNids: Uint8Array | null }
  >(
    `SELECT event_nid AS "eventNid", topological, state_before AS "stateBefore",
       COALESCE(state_after, CASE WHEN key_nid IS NULL OR state_before IS NULL
         THEN state_before ELSE -event_nid END) AS "stateAfter", prev_nids AS "prevNids", auth_nids AS "authNids"
     FROM events WHERE room_nid = ? AND (topological, event_nid) > (?, ?) AND topological >= ? AND outlier = 0
     ORDER BY topological, event_nid LIMIT ?`,
    page.roomNid,
    page.from.topological,
    page.from.eventNid,
    page.from.topological,
    page.limit,
  )
  return rows.map((row) => ({
    ...row,
    prevNids: unpackNids(row.eventNid, row.prevNids),
    authNids: unpackNids(row.eventNid, row.authNids),
  }))
}

const oldColumns = `event_nid AS "eventNid", event_id AS "eventId", room_nid AS "roomNid", key_nid AS "keyNid",
  topological, stream_position AS "streamPosition", outlier, state_before AS "stateBefore",
  COALESCE(state_after, CASE WHEN key_nid IS NULL OR state_before IS NULL
         THEN state_before ELSE -event_nid END) AS "stateAfter"`

/** Facts of some events; unknown ones are left out. */
export function oldEventsByNids(txn: Transaction, eventNids: readonly number[]): Promise<OldEvent[]> {
  return txn.all(`SELECT ${oldColumns} FROM events WHERE event_nid IN @ints(?)`, eventNids)
}

/** Events of a room before a depth, in or out of its graph, after one of them. */
export function oldEvents(
  txn: Transaction,
  page: {
    readonly roomNid: number
    readonly beforeDepth: number
    readonly after: OldEvent | undefined
    readonly limit: number
  },
): Promise<OldEvent[]> {
  return txn.all(
    `SELECT ${oldColumns} FROM events
     WHERE room_nid = ? AND topological < ? AND topological >= ?
       AND (topological > ? OR (topological = ? AND event_nid > ?))
     ORDER BY topological, event_nid LIMIT ?`,
    page.roomNid,
    page.beforeDepth,
    page.after?.topological ?? -1,
    page.after?.topological ?? -1,
    page.after?.topological ?? -1,
    page.after?.eventNid ?? 0,
    page.limit,
  )
}

/**
 * Takes events of a room out of the graph that a kept state still names. Their place in the stream stays: states are
 * compared by it. What they followed and was missing, they wait for no more: they would come back with it.
 */
export async function setAside(txn: Transaction, roomNid: number, eventNids: readonly number[]): Promise<void> {
  await txn.runMany(
    'UPDATE events SET outlier = 1, state_before = NULL, state_after = NULL, prev_nids = NULL WHERE event_nid = ?',
    eventNids.map((eventNid) => [eventNid]),
  )
  await txn.run('DELETE FROM backward_extremities WHERE room_nid = ? AND event_nid IN @ints(?)', roomNid, eventNids)
}

/** Deletes events of a room with everything that is theirs alone, but for receipts: see `deleteReceiptsFor`. */
export async function deleteEventsWhole(
  txn: Transaction,
  roomNid: number,
  events: readonly Pick<OldEvent, 'eventNid' | 'streamPosition'>[],
): Promise<void> {
  const nids = events.map((event) => event.eventNid)
  const positions = events.flatMap((event) => event.streamPosition ?? [])
  await Promise.all([
    txn.run('DELETE FROM events WHERE event_nid IN @ints(?)', nids),
    deleteRelations(txn, nids),
    txn.run('DELETE FROM redactions WHERE event_nid IN @ints(?)', nids),
    txn.run('DELETE FROM backward_extremities WHERE room_nid = ? AND event_nid IN @ints(?)', roomNid, nids),
    txn.run('DELETE FROM current_state_deltas WHERE room_nid = ? AND stream_position IN @ints(?)', roomNid, positions),
  ])
}

/** The events that receipts of a room name, a page of receipts after one of them. */
export function receiptsOfRoom(
  txn: Transaction,
  page: { readonly roomNid: number; readonly after: ReceiptPlace; readonly limit: number },
): Promise<(ReceiptPlace & { eventId: string })[]> {
  return txn.all(
    `SELECT user_id AS "userId", receipt_type AS "receiptType", thread_id AS "threadId", event_id AS "eventId"
     FROM receipts WHERE room_nid = ? AND (user_id, receipt_type, thread_id) > (?, ?, ?)
     ORDER BY user_id, receipt_type, thread_id LIMIT ?`,
    page.roomNid,
    page.after.userId,
    page.after.receiptType,
    page.after.threadId,
    page.limit,
  )
}

/** Which receipt of a room. */
export interface ReceiptPlace {
  readonly userId: string
  readonly receiptType: string
  readonly threadId: string
}

/** The events that receipts in any room name which have come since a position, and the newest position. */
export async function receiptsSince(
  txn: Transaction,
  after: number,
): Promise<{ readonly eventIds: readonly string[]; readonly upTo: number }> {
  const rows = await txn.all<{ eventId: string; streamPosition: number }>(
    `SELECT event_id AS "eventId", stream_position AS "streamPosition" FROM receipts WHERE stream_position > ?
     ORDER BY stream_position`,
    after,
  )
  return { eventIds: rows.map((row) => row.eventId), upTo: rows.at(-1)?.streamPosition ?? after }
}

/** The newest position that a receipt has. */
export async function newestReceipt(txn: Transaction): Promise<number> {
  const row = await txn.get<{ newest: number | null }>('SELECT MAX(stream_position) AS newest FROM receipts')
  return row?.newest ?? 0
}

/** Deletes a room's receipts for some events. Linear in the room's receipts: only for events known to have any. */
export async function deleteReceiptsFor(txn: Transaction, roomNid: number, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length === 0) return
  await txn.run('DELETE FROM receipts WHERE room_nid = ? AND event_id IN @texts(?)', roomNid, eventIds)
}

async function deleteRelations(txn: Transaction, eventNids: readonly number[]): Promise<void> {
  await discountRelations(txn, eventNids)
  await txn.run('DELETE FROM event_relations WHERE event_nid IN @ints(?)', eventNids)
}

/** Gives a state a row of its own that its event's row has held until now. */
export function insertOwnState(
  txn: Transaction,
  states: readonly {
    readonly stateNid: number
    readonly roomNid: number
    readonly parentNid: number
    readonly delta: Uint8Array
  }[],
): Promise<void> {
  return txn.runMany(
    `INSERT INTO state_nodes (state_nid, room_nid, parent_nid, position, delta) VALUES (?, ?, ?, NULL, ?)
     ON CONFLICT (state_nid) DO NOTHING`,
    states.map((state) => [state.stateNid, state.roomNid, state.parentNid, state.delta]),
  )
}

/** The states of a room that have rows of their own, by number, after one of them. */
export async function stateNidsOfRoom(
  txn: Transaction,
  page: { readonly roomNid: number; readonly after: number; readonly limit: number },
): Promise<number[]> {
  const rows = await txn.all<{ stateNid: number }>(
    'SELECT state_nid AS "stateNid" FROM state_nodes WHERE room_nid = ? AND state_nid > ? ORDER BY state_nid LIMIT ?',
    page.roomNid,
    page.after,
    page.limit,
  )
  return rows.map((row) => row.stateNid)
}

/** Deletes states and their chunks. */
export async function deleteStates(txn: Transaction, stateNids: readonly number[]): Promise<void> {
  await txn.run('DELETE FROM state_chunks WHERE state_nid IN @ints(?)', stateNids)
  await txn.run('DELETE FROM state_nodes WHERE state_nid IN @ints(?)', stateNids)
}

/** Gives an event other previous ones. */
export function setPreviousOf(
  txn: Transaction,
  events: readonly { readonly eventNid: number; readonly prevNids: readonly number[] }[],
): Promise<void> {
  return txn.runMany(
    'UPDATE events SET prev_nids = ? WHERE event_nid = ?',
    events.map(({ eventNid, prevNids }) => [packNids(eventNid, prevNids), eventNid]),
  )
}

/** Events that stand at gaps of a room, in its graph, from a depth on. */
export function eventsAtGaps(
  txn: Transaction,
  roomNid: number,
  fromDepth: number,
): Promise<{ eventNid: number; stateBefore: number }[]> {
  return txn.all(
    `SELECT DISTINCT e.event_nid AS "eventNid", e.state_before AS "stateBefore"
     FROM backward_extremities b JOIN events e ON e.event_nid = b.event_nid
     WHERE b.room_nid = ? AND e.outlier = 0 AND e.state_before IS NOT NULL AND e.topological >= ?`,
    roomNid,
    fromDepth,
  )
}

/** Any events of a room, for its purge. */
export function someEvents(txn: Transaction, roomNid: number, limit: number): Promise<OldEvent[]> {
  return txn.all(`SELECT ${oldColumns} FROM events WHERE room_nid = ? LIMIT ?`, roomNid, limit)
}

/** Deletes some of what tables keep of a room beside events and states; gives how much, 0 when nothing is left. */
export async function deleteSomeOfRoom(txn: Transaction, roomNid: number, limit: number): Promise<number> {
  const counts = await Promise.all([
    txn.run(
      `DELETE FROM current_state WHERE room_nid = ? AND key_nid IN
         (SELECT key_nid FROM current_state WHERE room_nid = ? LIMIT ?)`,
      roomNid,
      roomNid,
      limit,
    ),
    txn.run(
      `DELETE FROM current_state_deltas WHERE room_nid = ? AND stream_position IN
         (SELECT stream_position FROM current_state_deltas WHERE room_nid = ? LIMIT ?)`,
      roomNid,
      roomNid,
      limit,
    ),
    txn.run(
      `DELETE FROM memberships WHERE room_nid = ? AND user_nid IN
         (SELECT user_nid FROM memberships WHERE room_nid = ? LIMIT ?)`,
      roomNid,
      roomNid,
      limit,
    ),
    txn.run(
      `DELETE FROM receipts WHERE room_nid = ? AND user_id IN
         (SELECT user_id FROM receipts WHERE room_nid = ? LIMIT ?)`,
      roomNid,
      roomNid,
      limit,
    ),
    txn.run(
      `DELETE FROM unread_counts WHERE room_nid = ? AND user_nid IN
         (SELECT user_nid FROM unread_counts WHERE room_nid = ? LIMIT ?)`,
      roomNid,
      roomNid,
      limit,
    ),
    txn.run('DELETE FROM unread_rooms WHERE room_nid = ?', roomNid),
    deleteAuthStretches(txn, roomNid, limit),
    txn.run('DELETE FROM auth_gaps WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM auth_disorder WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM invite_states WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM member_counts WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM room_servers WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM room_recency WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM threads WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM thread_senders WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM forward_extremities WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM backward_extremities WHERE room_nid = ?', roomNid),
    txn.run('DELETE FROM room_aliases WHERE room_nid = ?', roomNid),
  ])
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * Deletes what the next few accounts after `after` have noted about a room; gives the last of them, undefined when there
 * is none. No index leads from rooms to such notes, since nothing else asks for them.
 */
export async function deleteAccountDataOfRoom(
  txn: Transaction,
  page: { readonly roomId: string; readonly after: string; readonly limit: number },
): Promise<string | undefined> {
  const rows = await txn.all<{ userId: string }>(
    'SELECT user_id AS "userId" FROM accounts WHERE user_id > ? ORDER BY user_id LIMIT ?',
    page.after,
    page.limit,
  )
  const userIds = rows.map((row) => row.userId)
  await txn.run('DELETE FROM account_data WHERE room_id = ? AND user_id IN @texts(?)', page.roomId, userIds)
  return userIds.at(-1)
}

/** Deletes a room's own row. */
export async function deleteRoom(txn: Transaction, roomNid: number): Promise<void> {
  await txn.run('DELETE FROM rooms WHERE room_nid = ?', roomNid)
}

/** The users of ours who have a membership of a room, whichever it is. Linear in the room's members. */
export function localUsersOf(txn: Transaction, roomNid: number): Promise<{ userId: string; membership: string }[]> {
  return txn.all(
    `SELECT u.user_id AS "userId", m.membership FROM memberships m JOIN user_ids u ON u.user_nid = m.user_nid
     WHERE m.room_nid = ? AND m.local = 1 ORDER BY u.user_id`,
    roomNid,
  )
}

/** The depth of an event of a room's timeline; undefined when it is not there. */
export async function depthOfEvent(txn: Transaction, roomNid: number, eventId: string): Promise<number | undefined> {
  const row = await txn.get<{ depth: number }>(
    'SELECT topological AS depth FROM events WHERE event_id = ? AND room_nid = ? AND outlier = 0',
    eventId,
    roomNid,
  )
  return row?.depth
}

/**
 * The depth of the newest event of a room's timeline that came at or before a time; undefined when there is none. Events
 * are numbered as they come, so the place is found by halving: a few dozen point reads.
 */
export async function depthAtTime(txn: Transaction, roomNid: number, ts: number): Promise<number | undefined> {
  const ends = await txn.get<{ first: number | null; last: number | null }>(
    'SELECT MIN(stream_position) AS first, MAX(stream_position) AS last FROM events WHERE room_nid = ?',
    roomNid,
  )
  let low = ends?.first ?? 1
  let high = ends?.last ?? 0
  let found: number | undefined
  while (low <= high) {
    const middle = Math.floor((low + high) / 2)
    const row = await txn.get<{ position: number; receivedTs: number; depth: number }>(
      `SELECT stream_position AS position, received_ts AS "receivedTs", topological AS depth FROM events
       WHERE room_nid = ? AND stream_position <= ? ORDER BY stream_position DESC LIMIT 1`,
      roomNid,
      middle,
    )
    if (row === undefined) break
    if (row.receivedTs <= ts) {
      found = row.depth
      low = middle + 1
    } else high = row.position - 1
  }
  return found
}
