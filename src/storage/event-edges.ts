import type { Transaction } from './transaction.ts'

/** An arrow of the event graph, from an event to one it names. */
export interface Edge {
  readonly eventNid: number
  readonly targetNid: number
}

/** Writes which events follow which. */
export function insertEdges(txn: Transaction, edges: readonly Edge[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO event_edges (event_nid, prev_nid) VALUES (?, ?)',
    edges.map((edge) => [edge.eventNid, edge.targetNid]),
  )
}

/** Writes which events a state event names as those that allow it. */
export function insertAuthEdges(txn: Transaction, edges: readonly Edge[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO event_auth (event_nid, auth_nid) VALUES (?, ?)',
    edges.map((edge) => [edge.eventNid, edge.targetNid]),
  )
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
export function forwardExtremities(txn: Transaction, roomNid: number): Promise<Extremity[]> {
  return txn.all(
    `SELECT e.event_nid AS "eventNid", e.event_id AS "eventId", e.topological AS depth, e.state_after AS "stateNid",
       e.json
     FROM forward_extremities f JOIN events e ON e.event_nid = f.event_nid WHERE f.room_nid = ?`,
    roomNid,
  )
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
