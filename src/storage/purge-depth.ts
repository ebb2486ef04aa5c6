import type { Transaction } from './transaction.ts'

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
