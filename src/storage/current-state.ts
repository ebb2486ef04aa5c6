import { memberKeysFrom } from './interned.ts'
import type { SqlValue, Transaction } from './transaction.ts'

/** The state of a room now, as pairs of (type, state key) and event. */
export interface StateEntry {
  readonly keyNid: number
  readonly eventNid: number
}

/** A change of a room's resolved state. Null: the key had, or has, no event. */
export interface StateDelta {
  readonly streamPosition: number
  readonly keyNid: number
  readonly eventNid: number | null
  readonly prevEventNid: number | null
}

/** Stands in the notes for "nothing changed here". */
const noKey = 0

/** The whole state of a room now. Costs the size of the answer. */
export function currentState(txn: Transaction, roomNid: number): Promise<StateEntry[]> {
  return txn.all('SELECT key_nid AS "keyNid", event_nid AS "eventNid" FROM current_state WHERE room_nid = ?', roomNid)
}

/** The states now of several rooms, without their m.room.member events unless `members`. Costs the size of the answer. */
export function currentStates(
  txn: Transaction,
  roomNids: readonly number[],
  members: boolean,
): Promise<(StateEntry & { roomNid: number })[]> {
  if (members) {
    return txn.all(
      `SELECT room_nid AS "roomNid", key_nid AS "keyNid", event_nid AS "eventNid" FROM current_state
       WHERE room_nid IN @ints(?)`,
      roomNids,
    )
  }
  return txn.all(
    `SELECT c.room_nid AS "roomNid", c.key_nid AS "keyNid", c.event_nid AS "eventNid"
     FROM current_state c JOIN state_keys k ON k.key_nid = c.key_nid
     WHERE c.room_nid IN @ints(?) AND c.key_nid < ? AND k.type <> 'm.room.member'`,
    roomNids,
    memberKeysFrom,
  )
}

/** Some keys of the state now of several rooms. */
export function currentStateOf(
  txn: Transaction,
  roomNids: readonly number[],
  keyNids: readonly number[],
): Promise<(StateEntry & { roomNid: number })[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", key_nid AS "keyNid", event_nid AS "eventNid" FROM current_state
     WHERE room_nid IN @ints(?) AND key_nid IN @ints(?)`,
    roomNids,
    keyNids,
  )
}

/** Applies changes, in order, to the state now. */
export async function applyStateDeltas(
  txn: Transaction,
  roomNid: number,
  deltas: readonly Pick<StateDelta, 'keyNid' | 'eventNid'>[],
): Promise<void> {
  const last = new Map<number, number | null>()
  for (const delta of deltas) last.set(delta.keyNid, delta.eventNid)
  const set: SqlValue[][] = []
  const removed: SqlValue[][] = []
  for (const [keyNid, eventNid] of last) {
    if (eventNid === null) removed.push([roomNid, keyNid])
    else set.push([roomNid, keyNid, eventNid])
  }
  await Promise.all([
    txn.runMany(
      `INSERT INTO current_state (room_nid, key_nid, event_nid) VALUES (?, ?, ?)
       ON CONFLICT (room_nid, key_nid) DO UPDATE SET event_nid = excluded.event_nid`,
      set,
    ),
    txn.runMany('DELETE FROM current_state WHERE room_nid = ? AND key_nid = ?', removed),
  ])
}

/**
 * Notes what the state changed at a position where it is not just the arrived event that became part of it. No changes:
 * that nothing changed, though a state event arrived.
 */
export function noteStateDeltas(
  txn: Transaction,
  roomNid: number,
  streamPosition: number,
  deltas: readonly Omit<StateDelta, 'streamPosition'>[],
): Promise<void> {
  const noted = deltas.length === 0 ? [{ keyNid: noKey, eventNid: null, prevEventNid: null }] : deltas
  return txn.runMany(
    `INSERT INTO current_state_deltas (room_nid, stream_position, key_nid, event_nid, prev_event_nid)
     VALUES (?, ?, ?, ?, ?)`,
    noted.map((delta) => [roomNid, streamPosition, delta.keyNid, delta.eventNid, delta.prevEventNid]),
  )
}

/** Changes of the state of rooms with positions after `after` and not after `upTo`, oldest first within a room. */
export async function stateDeltas(
  txn: Transaction,
  range: { roomNids: readonly number[]; after: number; upTo: number },
): Promise<(StateDelta & { roomNid: number })[]> {
  const noted = await txn.all<StateDelta & { roomNid: number }>(
    `SELECT room_nid AS "roomNid", stream_position AS "streamPosition", key_nid AS "keyNid", event_nid AS "eventNid",
       prev_event_nid AS "prevEventNid"
     FROM current_state_deltas WHERE room_nid IN @ints(?) AND stream_position > ? AND stream_position <= ?
     ORDER BY room_nid, stream_position`,
    range.roomNids,
    range.after,
    range.upTo,
  )
  const plain = await txn.all<StateDelta & { roomNid: number }>(
    `SELECT room_nid AS "roomNid", stream_position AS "streamPosition", key_nid AS "keyNid", event_nid AS "eventNid",
       replaces_nid AS "prevEventNid"
     FROM events WHERE room_nid IN @ints(?) AND stream_position > ? AND stream_position <= ? AND key_nid IS NOT NULL
     ORDER BY room_nid, stream_position`,
    range.roomNids,
    range.after,
    range.upTo,
  )
  if (noted.length === 0) return plain
  const places = new Set(noted.map((delta) => delta.streamPosition))
  return [...plain.filter((delta) => !places.has(delta.streamPosition)), ...noted]
    .filter((delta) => delta.keyNid !== noKey)
    .sort((a, b) => a.roomNid - b.roomNid || a.streamPosition - b.streamPosition)
}
