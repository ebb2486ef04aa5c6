import { stateAfterOf } from './events.ts'
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
       ${stateAfterOf()} AS "stateAfter", prev_nids AS "prevNids", auth_nids AS "authNids"
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
  ${stateAfterOf()} AS "stateAfter"`

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

/** Deletes events of a room with everything that is theirs alone, but for receipts: see `storage/purged-receipts.ts`. */
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
