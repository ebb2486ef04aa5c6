import { eventColumns, shownToClients, unpackedEvents, type EventRow } from './events.ts'
import type { Transaction } from './transaction.ts'

/** A stretch of a room's history in the order of the event graph. */
export interface TimelineRange {
  readonly roomNid: number
  readonly direction: 'backwards' | 'forwards'
  /** Places lie between events: behind the one they name. Reading goes from `from` as far as `until`. */
  readonly from: { readonly topological: number; readonly stream: number }
  readonly until: { readonly topological: number; readonly stream: number }
  /** Only events that arrived after the one position and not after the other. */
  readonly arrivedAfter: number
  readonly arrivedBy: number
  readonly limit: number
}

/**
 * Events that clients may be shown, by topological order, ties by arrival. Costs the answer, and what lies between
 * `from` and the first event that arrived within the bounds. The plus signs keep the planner on the order's own index.
 */
export async function timelinePage(txn: Transaction, range: TimelineRange): Promise<EventRow[]> {
  const [from, until, order] = range.direction === 'backwards' ? ['<=', '>', 'DESC'] : ['>', '<=', 'ASC']
  return unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM events
     WHERE room_nid = ? AND (topological, stream_position) ${from} (?, ?) AND (topological, stream_position) ${until} (?, ?)
       AND +stream_position > ? AND +stream_position <= ? AND ${shownToClients}
     ORDER BY topological ${order}, stream_position ${order} LIMIT ?`,
      range.roomNid,
      range.from.topological,
      range.from.stream,
      range.until.topological,
      range.until.stream,
      range.arrivedAfter,
      range.arrivedBy,
      range.limit,
    ),
  )
}

/**
 * The events that have stood in the current state of a room under a key, newest first: the one there now, the one that
 * it replaced, and so on. Costs the answer.
 */
export async function stateHistory(
  txn: Transaction,
  history: { readonly roomNid: number; readonly keyNid: number; readonly limit: number },
): Promise<EventRow[]> {
  return unpackedEvents(
    await txn.all(
      `WITH RECURSIVE history (nid, place) AS (
         SELECT event_nid, 1 FROM current_state WHERE room_nid = ? AND key_nid = ?
         UNION ALL
         SELECT e.replaces_nid, h.place + 1 FROM history h JOIN events e ON e.event_nid = h.nid
         WHERE e.replaces_nid IS NOT NULL AND h.place < ?)
       SELECT ${eventColumns} FROM history JOIN events ON event_nid = nid WHERE ${shownToClients} ORDER BY place`,
      history.roomNid,
      history.keyNid,
      history.limit,
    ),
  )
}
