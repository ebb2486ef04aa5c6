import { unpackEventText } from './event-text.ts'
import type { EventEdges } from './events.ts'
import { unpackNids } from './packed-nids.ts'
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
    `SELECT e.event_nid AS "eventNid", e.event_id AS "eventId", e.topological AS depth, e.state_after AS "stateNid",
       e.packed_json AS json
     FROM forward_extremities f JOIN events e ON e.event_nid = f.event_nid WHERE f.room_nid = ?
     ORDER BY e.event_nid`,
    roomNid,
  )
  return rows.map((row) => ({ ...row, json: unpackEventText(row.json) }))
}

/** Replaces extremities of a room that have been followed by those that follow them. */
export async function moveExtremities(
  txn: Transaction,
  roomNid: number,
  move: { readonly remove: readonly number[]; readonly add: readonly number[] },
): Promise<void> {
  await Promise.all([
    txn.runMany(
      'DELETE FROM forward_extremities WHERE room_nid = ? AND event_nid = ?',
      move.remove.map((eventNid) => [roomNid, eventNid]),
    ),
    txn.runMany(
      'INSERT INTO forward_extremities (room_nid, event_nid) VALUES (?, ?)',
      move.add.map((eventNid) => [roomNid, eventNid]),
    ),
  ])
}
