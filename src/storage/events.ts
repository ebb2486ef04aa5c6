import { countEvents } from '#observability/request-context.ts'
import { packEventText, unpackEventText } from './event-text.ts'
import { packNids } from './packed-nids.ts'
import { noteRecency } from './room-recency.ts'
import type { SqlValue, Transaction } from './transaction.ts'

/** One stored event: its canonical text as signed, and its facts. Flags are 0 or 1. */
export interface EventRow {
  readonly eventNid: number
  readonly eventId: string
  readonly roomNid: number
  readonly type: string
  /** The (type, state key) pair; null when this is not a state event. */
  readonly keyNid: number | null
  readonly senderNid: number
  /** The causal order within the room: the depth, or more where that would be before an event that it follows. */
  readonly topological: number
  /** The order of arrival here over all rooms; null while an outlier, and while withheld from clients. */
  readonly streamPosition: number | null
  readonly originServerTs: number
  readonly receivedTs: number
  readonly outlier: number
  readonly softFailed: number
  /** Why it was rejected, or null. */
  readonly rejected: string | null
  /** The event that redacts it, or null. */
  readonly redactedBy: number | null
  /** State nodes before and after the event; null for an outlier. */
  readonly stateBefore: number | null
  readonly stateAfter: number | null
  /** The event of the same (type, state key) that stood in the state before. */
  readonly replacesNid: number | null
  /** Which request of which of our devices made it. */
  readonly deviceId: string | null
  readonly txnId: string | null
  readonly json: string
}

/** Which events an event names, of those that we have. `authNids` is kept of state events only. */
export interface EventEdges {
  readonly prevNids: readonly number[]
  readonly authNids: readonly number[]
}

/** A row as it comes out of the database, its text packed. */
export type PackedEventRow = Omit<EventRow, 'json'> & { json: string | Uint8Array }

/** Events with their texts, of rows just read with `eventColumns`: the rows themselves, changed. */
export function unpackedEvents(rows: PackedEventRow[]): EventRow[] {
  countEvents(rows.length)
  for (const row of rows) if (typeof row.json !== 'string') row.json = unpackEventText(row.json)
  return rows as EventRow[]
}

/**
 * The state after an event, as SQL over its row; `table` is the row's name where several tables are read. For most events
 * the column is null: a state event makes a state of its own on the one before it, any other leaves it as it is.
 */
export function stateAfterOf(table?: string): string {
  const of = table === undefined ? '' : `${table}.`
  return `COALESCE(${of}state_after, CASE WHEN ${of}key_nid IS NULL OR ${of}state_before IS NULL
    THEN ${of}state_before ELSE -${of}event_nid END)`
}

/** The columns of a `PackedEventRow`, for the stores that read events too. */
export const eventColumns = `event_nid AS "eventNid", event_id AS "eventId", room_nid AS "roomNid", type, key_nid AS "keyNid",
  sender_nid AS "senderNid", topological, stream_position AS "streamPosition", origin_server_ts AS "originServerTs",
  received_ts AS "receivedTs", outlier, soft_failed AS "softFailed", rejected, redacted_by AS "redactedBy",
  state_before AS "stateBefore", ${stateAfterOf()} AS "stateAfter", replaces_nid AS "replacesNid", device_id AS "deviceId",
  txn_id AS "txnId", packed_json AS json`

/**
 * What a client may ever be shown: in the timeline, and neither rejected nor soft-failed. What is withheld has no
 * position and so is in no stretch of arrivals.
 */
export const shownToClients = 'outlier = 0 AND rejected IS NULL AND soft_failed = 0'

/** Whether a client may ever be shown an event, as `shownToClients` says. */
export function isShownToClients(row: EventRow): boolean {
  return row.outlier === 0 && row.rejected === null && row.softFailed === 0 && row.streamPosition !== null
}

/** Writes new events, in order. An event id or a transaction id that is there already fails the transaction. */
export async function insertEvents(txn: Transaction, rows: readonly (EventRow & Partial<EventEdges>)[]): Promise<void> {
  await Promise.all([writeEvents(txn, rows), noteRecency(txn, rows)])
}

/** The state after an event, as `stateAfterOf` takes it to be where the row does not say. */
function usualStateAfter({ eventNid, keyNid, stateBefore }: EventRow): number | null {
  return keyNid === null || stateBefore === null ? stateBefore : -eventNid
}

function writeEvents(txn: Transaction, rows: readonly (EventRow & Partial<EventEdges>)[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO events (event_nid, event_id, room_nid, type, key_nid, sender_nid, topological, stream_position,
       origin_server_ts, received_ts, outlier, soft_failed, rejected, redacted_by, state_before, state_after,
       replaces_nid, device_id, txn_id, prev_nids, auth_nids, packed_json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    rows.map((row): SqlValue[] => [
      row.eventNid,
      row.eventId,
      row.roomNid,
      row.type,
      row.keyNid,
      row.senderNid,
      row.topological,
      row.streamPosition,
      row.originServerTs,
      row.receivedTs,
      row.outlier,
      row.softFailed,
      row.rejected,
      row.redactedBy,
      row.stateBefore,
      row.stateAfter === usualStateAfter(row) ? null : row.stateAfter,
      row.replacesNid,
      row.deviceId,
      row.txnId,
      packNids(row.eventNid, row.prevNids ?? []),
      packNids(row.eventNid, row.keyNid === null ? [] : (row.authNids ?? [])),
      packEventText(row.json),
    ]),
  )
}

/** The events with these integer ids, in no order; unknown ones are left out. */
export async function eventsByNids(txn: Transaction, eventNids: readonly number[]): Promise<EventRow[]> {
  return unpackedEvents(await txn.all(`SELECT ${eventColumns} FROM events WHERE event_nid IN @ints(?)`, eventNids))
}

/** The events with these Matrix ids in this room, in no order; those of other rooms count as unknown. */
export async function eventsByIds(txn: Transaction, roomNid: number, eventIds: readonly string[]): Promise<EventRow[]> {
  return unpackedEvents(
    await txn.all(`SELECT ${eventColumns} FROM events WHERE event_id IN @texts(?) AND room_nid = ?`, eventIds, roomNid),
  )
}

/** The event that a device's request made, or undefined: what makes a repeated request harmless. */
export function eventByTransaction(
  txn: Transaction,
  request: { roomNid: number; senderNid: number; deviceId: string; txnId: string },
): Promise<{ eventNid: number; eventId: string } | undefined> {
  return txn.get(
    `SELECT event_nid AS "eventNid", event_id AS "eventId" FROM events
     WHERE room_nid = ? AND sender_nid = ? AND device_id = ? AND txn_id = ?`,
    request.roomNid,
    request.senderNid,
    request.deviceId,
    request.txnId,
  )
}

/** Shown events of a room that arrived after `after` and not after `upTo`, by stream order. Both are positions. */
export async function eventsInStreamRange(
  txn: Transaction,
  range: { roomNid: number; after: number; upTo: number; limit: number; newestFirst: boolean },
): Promise<EventRow[]> {
  const order = range.newestFirst ? 'DESC' : 'ASC'
  return unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM events WHERE room_nid = ? AND stream_position > ? AND stream_position <= ? AND ${shownToClients}
     ORDER BY stream_position ${order} LIMIT ?`,
      range.roomNid,
      range.after,
      range.upTo,
      range.limit,
    ),
  )
}

/**
 * The newest `limit` shown events of each of several rooms that arrived after `after` and not after `upTo`, oldest
 * first. One search per room for where to begin, then one range of the index.
 */
export async function newestInStreamRange(
  txn: Transaction,
  range: { roomNids: readonly number[]; after: number; upTo: number; limit: number },
): Promise<EventRow[]> {
  return unpackedEvents(
    await txn.all(
      `WITH cuts (cut_room, cut) AS MATERIALIZED (
       SELECT r.room_nid, (
         SELECT e.stream_position FROM events e
         WHERE e.room_nid = r.room_nid AND e.stream_position > ? AND e.stream_position <= ? AND ${shownToClients}
         ORDER BY e.stream_position DESC LIMIT 1 OFFSET ?)
       FROM rooms r WHERE r.room_nid IN @ints(?))
     SELECT ${eventColumns} FROM cuts JOIN events ON room_nid = cut_room AND stream_position > COALESCE(cut, ?)
     WHERE stream_position <= ? AND ${shownToClients} ORDER BY stream_position`,
      range.after,
      range.upTo,
      range.limit,
      range.roomNids,
      range.after,
      range.upTo,
    ),
  )
}

/** Takes events out of their table, and leaves everything that refers to them. */
export function deleteEvents(txn: Transaction, eventNids: readonly number[]): Promise<void> {
  return txn.runMany(
    'DELETE FROM events WHERE event_nid = ?',
    eventNids.map((eventNid) => [eventNid]),
  )
}
