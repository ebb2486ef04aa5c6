import { unpackEventText } from './event-text.ts'
import { stateAfterOf, type EventEdges } from './events.ts'
import { packNids, unpackNids } from './packed-nids.ts'
import type { Transaction } from './transaction.ts'

/** The events that one names, of those that we have. */
export interface EdgesOfEvent extends EventEdges {
  readonly eventNid: number
}

/** What these events name, in no order; unknown events are left out. */
export async function edgesOfEvents(txn: Transaction, eventNids: readonly number[]): Promise<EdgesOfEvent[]> {
  const rows = await txn.all<{ eventNid: number; prevNids: Uint8Array | null; authNids: Uint8Array | null }>(
    `SELECT event_nid AS "eventNid", prev_nids AS "prevNids", auth_nids AS "authNids" FROM events
     WHERE event_nid IN @ints(?)`,
    eventNids,
  )
  return rows.map(({ eventNid, prevNids, authNids }) => ({
    eventNid,
    prevNids: unpackNids(eventNid, prevNids),
    authNids: unpackNids(eventNid, authNids),
  }))
}

/** An event that nothing follows yet. */
export interface Extremity {
  readonly eventNid: number
  readonly eventId: string
  readonly depth: number
  /** The state after it. */
  readonly stateNid: number
  readonly json: string
}

/** The forward extremities of a room: what the next event will follow. */
export async function forwardExtremities(txn: Transaction, roomNid: number): Promise<Extremity[]> {
  const rows = await txn.all<Omit<Extremity, 'json'> & { json: Uint8Array }>(
    `SELECT e.event_nid AS "eventNid", e.event_id AS "eventId", e.topological AS depth,
       ${stateAfterOf('e')} AS "stateNid",
       e.packed_json AS json
     FROM forward_extremities f JOIN events e ON e.event_nid = f.event_nid WHERE f.room_nid = ?
     ORDER BY e.event_nid`,
    roomNid,
  )
  return rows.map((row) => ({ ...row, json: unpackEventText(row.json) }))
}

/**
 * Replaces extremities of a room that have been followed by those that follow them. All of `remove` have to be there;
 * their rows stay and change their events as far as there are new ones.
 */
export async function moveExtremities(
  txn: Transaction,
  roomNid: number,
  move: { readonly remove: readonly number[]; readonly add: readonly number[] },
): Promise<void> {
  const { remove, add } = move
  const moved = Math.min(remove.length, add.length)
  await Promise.all([
    txn.runMany(
      'UPDATE forward_extremities SET event_nid = ? WHERE room_nid = ? AND event_nid = ?',
      remove.slice(0, moved).map((eventNid, index) => [add[index] ?? 0, roomNid, eventNid]),
    ),
    txn.runMany(
      'DELETE FROM forward_extremities WHERE room_nid = ? AND event_nid = ?',
      remove.slice(moved).map((eventNid) => [roomNid, eventNid]),
    ),
    txn.runMany(
      `INSERT INTO forward_extremities (room_nid, place, event_nid)
       VALUES (?, (SELECT COALESCE(MAX(place), 0) + 1 FROM forward_extremities WHERE room_nid = ?), ?)`,
      add.slice(moved).map((eventNid) => [roomNid, roomNid, eventNid]),
    ),
  ])
}

/** An event that waits for another, or stands at a gap: it names one as previous that we do not have in the graph. */
export interface MissingPrevious {
  readonly missingEventId: string
  readonly eventNid: number
}

/** Notes previous events that are missed. */
export function insertMissing(txn: Transaction, roomNid: number, missing: readonly MissingPrevious[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO backward_extremities (room_nid, missing_event_id, event_nid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    missing.map((each) => [roomNid, each.missingEventId, each.eventNid]),
  )
}

/** Those that miss this event, and whether they are in the graph without it. */
export function missedBy(
  txn: Transaction,
  roomNid: number,
  missingEventId: string,
): Promise<{ eventNid: number; outlier: number }[]> {
  return txn.all(
    `SELECT b.event_nid AS "eventNid", e.outlier FROM backward_extremities b JOIN events e ON e.event_nid = b.event_nid
     WHERE b.room_nid = ? AND b.missing_event_id = ? ORDER BY b.event_nid`,
    roomNid,
    missingEventId,
  )
}

/** The previous events that a room misses, each once. */
export function missingPrevious(txn: Transaction, roomNid: number, limit: number): Promise<MissingPrevious[]> {
  return txn.all(
    `SELECT missing_event_id AS "missingEventId", event_nid AS "eventNid" FROM backward_extremities
     WHERE room_nid = ? ORDER BY missing_event_id, event_nid LIMIT ?`,
    roomNid,
    limit,
  )
}

/** An event has come into the graph: these no longer miss it. */
export async function deleteMissing(
  txn: Transaction,
  roomNid: number,
  missingEventId: string,
  eventNids: readonly number[],
): Promise<void> {
  await txn.run(
    'DELETE FROM backward_extremities WHERE room_nid = ? AND missing_event_id = ? AND event_nid IN @ints(?)',
    roomNid,
    missingEventId,
    eventNids,
  )
}

/** Gives an event in the graph the previous events it has now. */
export async function setPrevious(txn: Transaction, eventNid: number, prevNids: readonly number[]): Promise<void> {
  await txn.run('UPDATE events SET prev_nids = ? WHERE event_nid = ?', packNids(eventNid, prevNids), eventNid)
}

/** Those of these events that wait for others and so are not in the graph. */
export function waitingAmong(
  txn: Transaction,
  roomNid: number,
  eventNids: readonly number[],
): Promise<{ eventId: string }[]> {
  return txn.all(
    `SELECT DISTINCT e.event_id AS "eventId" FROM backward_extremities b JOIN events e ON e.event_nid = b.event_nid
     WHERE b.room_nid = ? AND b.event_nid IN @ints(?) AND e.outlier = 1`,
    roomNid,
    eventNids,
  )
}

/** An event has what it waited for. */
export async function deleteMissingOf(txn: Transaction, roomNid: number, eventNid: number): Promise<void> {
  await txn.run('DELETE FROM backward_extremities WHERE room_nid = ? AND event_nid = ?', roomNid, eventNid)
}
