import type { Transaction } from './transaction.ts'

/**
 * What people see as something new in a room; changes of its name or its members are not. The types that make a room go
 * to the top of a client's list: https://github.com/matrix-org/matrix-spec-proposals/pull/4186
 */
const activeTypes: readonly string[] = [
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
  'm.beacon_info',
  'org.matrix.msc3672.beacon_info',
]
const isActive: ReadonlySet<string> = new Set(activeTypes)

/** Notes the newest of some new events that people see as something new. */
export async function noteRecency(
  txn: Transaction,
  events: readonly {
    readonly roomNid: number
    readonly type: string
    readonly streamPosition: number | null
    readonly outlier: number
    readonly softFailed: number
    readonly rejected: string | null
  }[],
): Promise<void> {
  const newest = new Map<number, number>()
  for (const { roomNid, type, streamPosition, outlier, softFailed, rejected } of events) {
    if (streamPosition === null || outlier === 1 || softFailed === 1 || rejected !== null || !isActive.has(type))
      continue
    newest.set(roomNid, Math.max(newest.get(roomNid) ?? 0, streamPosition))
  }
  if (newest.size === 0) return
  await txn.runMany(
    `INSERT INTO room_recency AS r (room_nid, stream_position) VALUES (?, ?)
     ON CONFLICT (room_nid) DO UPDATE SET stream_position = excluded.stream_position
     WHERE excluded.stream_position > r.stream_position`,
    [...newest],
  )
}

/**
 * True when the position of a room is that of its newest active event, or of a later one: it may have been purged since.
 */
export async function recencyIsRight(txn: Transaction, roomNid: number): Promise<boolean> {
  const row = await txn.get<{ noted: number; due: number; last: number }>(
    `SELECT
       COALESCE((SELECT stream_position FROM room_recency WHERE room_nid = ?), 0) AS noted,
       COALESCE((SELECT MAX(stream_position) FROM events WHERE room_nid = ? AND type IN @texts(?)
         AND outlier = 0 AND rejected IS NULL AND soft_failed = 0), 0) AS due,
       COALESCE((SELECT MAX(stream_position) FROM events WHERE room_nid = ?), 0) AS last`,
    roomNid,
    roomNid,
    activeTypes,
    roomNid,
  )
  return row !== undefined && row.noted >= row.due && row.noted <= row.last
}
