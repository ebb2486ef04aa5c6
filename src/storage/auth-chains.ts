import { unpackNids } from './packed-nids.ts'
import type { Transaction } from './transaction.ts'

/** What authorizes a state event, and where the index of auth chains has it, if it has. */
export interface AuthEdgesRow {
  readonly eventNid: number
  readonly roomNid: number
  /** Null for one that is no state event. */
  readonly keyNid: number | null
  readonly authNids: readonly number[]
  /** 1 when something that authorizes it, at whatever distance, is not here. */
  readonly incomplete: number
  /** The stretch that holds the event if any does: the last of its key that begins at or before it. */
  readonly stretchNid: number | null
}

/** A stretch of the index: state events of one key, packed. */
export interface AuthStretchRow {
  readonly roomNid: number
  readonly keyNid: number
  readonly firstNid: number
  readonly entries: Uint8Array
}

/** What authorizes these events; unknown events are left out. One query. */
export async function authEdges(txn: Transaction, eventNids: readonly number[]): Promise<AuthEdgesRow[]> {
  const rows = await txn.all<Omit<AuthEdgesRow, 'authNids'> & { authNids: Uint8Array | null }>(
    `SELECT e.event_nid AS "eventNid", e.room_nid AS "roomNid", e.key_nid AS "keyNid", e.auth_nids AS "authNids",
       CASE WHEN EXISTS (SELECT 1 FROM auth_gaps g WHERE g.room_nid = e.room_nid AND g.event_nid = e.event_nid)
         THEN 1 ELSE 0 END AS incomplete,
       (SELECT MAX(c.first_nid) FROM auth_chains c
        WHERE c.room_nid = e.room_nid AND c.key_nid = e.key_nid AND c.first_nid <= e.event_nid) AS "stretchNid"
     FROM events e WHERE e.event_nid IN @ints(?)`,
    eventNids,
  )
  return rows.map((row) => ({ ...row, authNids: unpackNids(row.eventNid, row.authNids) }))
}

/** The stretches that begin with these events. */
export function authStretches(
  txn: Transaction,
  roomNid: number,
  stretches: { readonly keyNids: readonly number[]; readonly firstNids: readonly number[] },
): Promise<AuthStretchRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", key_nid AS "keyNid", first_nid AS "firstNid", entries FROM auth_chains
     WHERE room_nid = ? AND key_nid IN @ints(?) AND first_nid IN @ints(?)`,
    roomNid,
    stretches.keyNids,
    stretches.firstNids,
  )
}

/** The stretches of some keys that begin with an event from `from` to `to`. */
export function authStretchesBetween(
  txn: Transaction,
  roomNid: number,
  range: { readonly keyNids: readonly number[]; readonly from: number; readonly to: number },
): Promise<AuthStretchRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", key_nid AS "keyNid", first_nid AS "firstNid", entries FROM auth_chains
     WHERE room_nid = ? AND key_nid IN @ints(?) AND first_nid >= ? AND first_nid <= ? ORDER BY key_nid, first_nid`,
    roomNid,
    range.keyNids,
    range.from,
    range.to,
  )
}

/** The stretches of some keys that hold an event from `from` on and begin not after `to`, by key and first event. */
export function authStretchesFrom(
  txn: Transaction,
  roomNid: number,
  range: { readonly keyNids: readonly number[]; readonly from: number; readonly to: number },
): Promise<AuthStretchRow[]> {
  return txn.all(
    `SELECT c.room_nid AS "roomNid", c.key_nid AS "keyNid", c.first_nid AS "firstNid", c.entries
     FROM state_keys k JOIN auth_chains c ON c.room_nid = ? AND c.key_nid = k.key_nid AND c.first_nid <= ?
       AND c.first_nid >= COALESCE((SELECT MAX(f.first_nid) FROM auth_chains f
                                    WHERE f.room_nid = ? AND f.key_nid = k.key_nid AND f.first_nid <= ?), 0)
     WHERE k.key_nid IN @ints(?) ORDER BY c.key_nid, c.first_nid`,
    roomNid,
    range.to,
    roomNid,
    range.from,
    range.keyNids,
  )
}

/** The last stretch of each of these keys, of those that have one. */
export function lastAuthStretches(
  txn: Transaction,
  roomNid: number,
  keyNids: readonly number[],
): Promise<AuthStretchRow[]> {
  return txn.all(
    `SELECT c.room_nid AS "roomNid", c.key_nid AS "keyNid", c.first_nid AS "firstNid", c.entries
     FROM state_keys k JOIN auth_chains c ON c.room_nid = ? AND c.key_nid = k.key_nid
       AND c.first_nid = (SELECT MAX(f.first_nid) FROM auth_chains f WHERE f.room_nid = ? AND f.key_nid = k.key_nid)
     WHERE k.key_nid IN @ints(?)`,
    roomNid,
    roomNid,
    keyNids,
  )
}

/** Every stretch of a room after one of them, by key and first event; for checking. */
export function authStretchesOfRoom(
  txn: Transaction,
  roomNid: number,
  page: { readonly after: { readonly keyNid: number; readonly firstNid: number }; readonly limit: number },
): Promise<AuthStretchRow[]> {
  return txn.all(
    `SELECT room_nid AS "roomNid", key_nid AS "keyNid", first_nid AS "firstNid", entries FROM auth_chains
     WHERE room_nid = ? AND (key_nid, first_nid) > (?, ?) ORDER BY key_nid, first_nid LIMIT ?`,
    roomNid,
    page.after.keyNid,
    page.after.firstNid,
    page.limit,
  )
}

/** Writes stretches, in the place of those that begin with the same events. */
export function putAuthStretches(txn: Transaction, stretches: readonly AuthStretchRow[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO auth_chains (room_nid, key_nid, first_nid, entries) VALUES (?, ?, ?, ?)
     ON CONFLICT (room_nid, key_nid, first_nid) DO UPDATE SET entries = excluded.entries`,
    stretches.map((stretch) => [stretch.roomNid, stretch.keyNid, stretch.firstNid, stretch.entries]),
  )
}

/** Deletes at most about `limit` of a room's stretches; gives how many. */
export function deleteAuthStretches(txn: Transaction, roomNid: number, limit: number): Promise<number> {
  return txn.run(
    `DELETE FROM auth_chains WHERE room_nid = ? AND first_nid IN
       (SELECT first_nid FROM auth_chains WHERE room_nid = ? LIMIT ?)`,
    roomNid,
    roomNid,
    limit,
  )
}

/** Deletes all stretches of some keys. */
export async function deleteAuthStretchesOf(
  txn: Transaction,
  roomNid: number,
  keyNids: readonly number[],
): Promise<void> {
  await txn.run('DELETE FROM auth_chains WHERE room_nid = ? AND key_nid IN @ints(?)', roomNid, keyNids)
}

/** State events of a room with what authorizes them, all of them by number. Costs the size of the answer. */
export async function stateEventNids(txn: Transaction, roomNid: number): Promise<number[]> {
  const rows = await txn.all<{ eventNid: number }>(
    `SELECT event_nid AS "eventNid" FROM events WHERE room_nid = ? AND key_nid IS NOT NULL AND auth_nids IS NOT NULL
     ORDER BY event_nid`,
    roomNid,
  )
  return rows.map((row) => row.eventNid)
}

/** The next `limit` events of all rooms after one of them, by number: those that are no state events, too. */
export function eventsAfter(
  txn: Transaction,
  eventNid: number,
  limit: number,
): Promise<{ eventNid: number; roomNid: number; keyNid: number | null }[]> {
  return txn.all(
    `SELECT event_nid AS "eventNid", room_nid AS "roomNid", key_nid AS "keyNid" FROM events
     WHERE event_nid > ? ORDER BY event_nid LIMIT ?`,
    eventNid,
    limit,
  )
}

/** The largest number that an event has, 0 without events. */
export async function newestEventNid(txn: Transaction): Promise<number> {
  const row = await txn.get<{ nid: number | null }>('SELECT MAX(event_nid) AS nid FROM events')
  return row?.nid ?? 0
}

/** Whether every state event of a room is known to have a larger number than all that authorizes it. */
export async function isAuthOrdered(txn: Transaction, roomNid: number): Promise<boolean> {
  const row = await txn.get<{ found: number }>('SELECT found FROM auth_disorder WHERE room_nid = ?', roomNid)
  return row === undefined
}

/** Notes rooms in which a state event has a smaller number than one that authorizes it. */
export async function noteAuthDisorder(txn: Transaction, roomNids: readonly number[]): Promise<void> {
  await txn.run('UPDATE auth_disorder SET found = 1 WHERE room_nid IN @ints(?)', roomNids)
}

/** All events have been looked at: rooms in which nothing was found are in order. */
export async function endAuthDisorder(txn: Transaction): Promise<void> {
  await txn.run('DELETE FROM auth_disorder WHERE found = 0')
}

/** Notes which auth events an event kept aside lacks; those noted before are forgotten. */
export async function setAuthGaps(
  txn: Transaction,
  roomNid: number,
  eventNid: number,
  missingEventIds: readonly string[],
): Promise<void> {
  await txn.run('DELETE FROM auth_gaps WHERE room_nid = ? AND event_nid = ?', roomNid, eventNid)
  await txn.runMany(
    'INSERT INTO auth_gaps (room_nid, event_nid, missing_event_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    missingEventIds.map((missingEventId) => [roomNid, eventNid, missingEventId]),
  )
}

/** Those of these events whose auth chain is not whole. */
export async function authIncompleteAmong(
  txn: Transaction,
  roomNid: number,
  eventNids: readonly number[],
): Promise<Set<number>> {
  const rows = await txn.all<{ eventNid: number }>(
    'SELECT DISTINCT event_nid AS "eventNid" FROM auth_gaps WHERE room_nid = ? AND event_nid IN @ints(?)',
    roomNid,
    eventNids,
  )
  return new Set(rows.map((row) => row.eventNid))
}

/** The events kept aside that lack this one among what authorizes them. */
export async function authMissedBy(txn: Transaction, roomNid: number, missingEventId: string): Promise<number[]> {
  const rows = await txn.all<{ eventNid: number }>(
    'SELECT event_nid AS "eventNid" FROM auth_gaps WHERE room_nid = ? AND missing_event_id = ? ORDER BY event_nid',
    roomNid,
    missingEventId,
  )
  return rows.map((row) => row.eventNid)
}
