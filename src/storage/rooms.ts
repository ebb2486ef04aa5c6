import type { Transaction } from './transaction.ts'

/** A room that this server knows. */
export interface RoomRow {
  readonly roomNid: number
  readonly roomId: string
  readonly version: string
  readonly published: number
}

const columns = `room_nid AS "roomNid", room_id AS "roomId", version, published`

/** Writes a new room. `createdTs` in milliseconds since 1970. */
export async function insertRoom(
  txn: Transaction,
  room: { roomNid: number; roomId: string; version: string; createdTs: number; published: boolean },
): Promise<void> {
  await txn.run(
    'INSERT INTO rooms (room_nid, room_id, version, created_ts, published) VALUES (?, ?, ?, ?, ?)',
    room.roomNid,
    room.roomId,
    room.version,
    room.createdTs,
    room.published ? 1 : 0,
  )
}

/** The room with this Matrix id, or undefined. */
export function roomById(txn: Transaction, roomId: string): Promise<RoomRow | undefined> {
  return txn.get(`SELECT ${columns} FROM rooms WHERE room_id = ?`, roomId)
}

/** The rooms with these integer ids, in no order. */
export function roomsByNids(txn: Transaction, roomNids: readonly number[]): Promise<RoomRow[]> {
  return txn.all(`SELECT ${columns} FROM rooms WHERE room_nid IN @ints(?)`, roomNids)
}

/**
 * Those of these rooms that are there, and stay so until this transaction has ended. Whoever writes rows of a room apart
 * from its events asks this first: a purge takes the room away before it looks for such rows a last time.
 */
export async function heldRooms(txn: Transaction, roomNids: readonly number[]): Promise<ReadonlySet<number>> {
  const rows = await txn.all<{ roomNid: number }>(
    'SELECT room_nid AS "roomNid" FROM rooms WHERE room_nid IN @ints(?) FOR KEY SHARE',
    roomNids,
  )
  return new Set(rows.map((row) => row.roomNid))
}

/** Whether a room is there, and stays so until this transaction has ended, as in `heldRooms`. */
export async function holdsRoom(txn: Transaction, roomNid: number): Promise<boolean> {
  return (await heldRooms(txn, [roomNid])).has(roomNid)
}

/** The state that the several ends of a room resolve to; null while it has one end. */
export async function mergedState(txn: Transaction, roomNid: number): Promise<number | null> {
  const row = await txn.get<{ stateNid: number | null }>(
    'SELECT merged_state_nid AS "stateNid" FROM rooms WHERE room_nid = ?',
    roomNid,
  )
  return row?.stateNid ?? null
}

/** Sets the state that the several ends of a room resolve to; null when it has one end again. */
export async function setMergedState(txn: Transaction, roomNid: number, stateNid: number | null): Promise<void> {
  await txn.run('UPDATE rooms SET merged_state_nid = ? WHERE room_nid = ?', stateNid, roomNid)
}

/** Rooms in the order of their integer ids, after one of them. */
export function roomsAfter(txn: Transaction, roomNid: number, limit: number): Promise<RoomRow[]> {
  return txn.all(`SELECT ${columns} FROM rooms WHERE room_nid > ? ORDER BY room_nid LIMIT ?`, roomNid, limit)
}
