import { eventColumns, unpackedEvents, type EventRow } from './events.ts'
import { discountRelations } from './relation-counts.ts'
import type { Transaction } from './transaction.ts'

/** Which event redacts another, and by what that one is compared with others that would. */
export interface RedactionStanding {
  readonly targetNid: number
  /** Null: nothing redacts the event. */
  readonly redactedBy: number | null
  /** Of the redaction; null when there is none, or it is gone. */
  readonly topological: number | null
  readonly eventId: string | null
}

/** What redacts each of these events now, in no order; unknown ones are left out. */
export function redactionStandings(txn: Transaction, targetNids: readonly number[]): Promise<RedactionStanding[]> {
  return txn.all(
    `SELECT t.event_nid AS "targetNid", t.redacted_by AS "redactedBy", r.topological, r.event_id AS "eventId"
     FROM events t LEFT JOIN events r ON r.event_nid = t.redacted_by WHERE t.event_nid IN @ints(?)`,
    targetNids,
  )
}

/** Says which event redacts each of these; the text stays, but relates to nothing that counts. */
export async function setRedactedBy(
  txn: Transaction,
  redacted: readonly { readonly eventNid: number; readonly redactedBy: number }[],
): Promise<void> {
  await Promise.all([
    txn.runMany(
      'UPDATE events SET redacted_by = ? WHERE event_nid = ?',
      redacted.map((each) => [each.redactedBy, each.eventNid]),
    ),
    discountRelations(
      txn,
      redacted.map((each) => each.eventNid),
    ),
  ])
}

/** Notes a redaction that is in the graph and redacts nothing yet. `redacts`: the id that it names, '' for none. */
export async function insertWithheldRedaction(
  txn: Transaction,
  redaction: { readonly eventNid: number; readonly roomNid: number; readonly redacts: string },
): Promise<void> {
  await txn.run(
    'INSERT INTO redactions (event_nid, room_nid, redacts) VALUES (?, ?, ?)',
    redaction.eventNid,
    redaction.roomNid,
    redaction.redacts,
  )
}

/** The redactions in a room's graph that wait for an event, from one of them on, the first in causal order first. */
export async function withheldRedactionsOf(
  txn: Transaction,
  wanted: {
    readonly roomNid: number
    readonly redacts: string
    readonly after: Pick<EventRow, 'topological' | 'eventId'> | undefined
    readonly limit: number
  },
): Promise<EventRow[]> {
  return unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM events WHERE event_nid IN
         (SELECT r.event_nid FROM redactions r WHERE r.redacts = ? AND r.room_nid = ?)
         AND outlier = 0 AND (topological, event_id) > (?, ?)
       ORDER BY topological, event_id LIMIT ?`,
      wanted.redacts,
      wanted.roomNid,
      wanted.after?.topological ?? -1,
      wanted.after?.eventId ?? '',
      wanted.limit,
    ),
  )
}

/** Redactions that were withheld are no longer: each gets its place in the order of arrival, if it has none. */
export async function releaseRedactions(
  txn: Transaction,
  released: readonly { readonly eventNid: number; readonly streamPosition: number | null }[],
): Promise<void> {
  await txn.run(
    'DELETE FROM redactions WHERE event_nid IN @ints(?)',
    released.map((each) => each.eventNid),
  )
  await txn.runMany(
    'UPDATE events SET stream_position = ? WHERE event_nid = ? AND stream_position IS NULL',
    released.map((each) => [each.streamPosition, each.eventNid]),
  )
}

/** Redactions in a room's graph that count, after one of them, and whether each is withheld. Costs the room's events. */
export async function redactionsOfRoom(
  txn: Transaction,
  page: {
    readonly roomNid: number
    readonly after: Pick<EventRow, 'topological' | 'eventNid'> | undefined
    readonly limit: number
  },
): Promise<{ readonly rows: EventRow[]; readonly withheld: ReadonlySet<number> }> {
  const rows = unpackedEvents(
    await txn.all(
      `SELECT ${eventColumns} FROM events
       WHERE room_nid = ? AND (topological, event_nid) > (?, ?) AND topological >= ? AND type = 'm.room.redaction'
         AND outlier = 0 AND rejected IS NULL AND soft_failed = 0
       ORDER BY topological, event_nid LIMIT ?`,
      page.roomNid,
      page.after?.topological ?? -1,
      page.after?.eventNid ?? 0,
      page.after?.topological ?? -1,
      page.limit,
    ),
  )
  const withheld = await txn.all<{ eventNid: number }>(
    'SELECT event_nid AS "eventNid" FROM redactions WHERE event_nid IN @ints(?)',
    rows.map((row) => row.eventNid),
  )
  return { rows, withheld: new Set(withheld.map((row) => row.eventNid)) }
}

/** The redacted events of a room, with what redacts each; of those alone whose redaction is still in the graph. */
export function redactedEventsOfRoom(
  txn: Transaction,
  roomNid: number,
): Promise<{ eventNid: number; eventId: string; redactedBy: number }[]> {
  return txn.all(
    `SELECT t.event_nid AS "eventNid", t.event_id AS "eventId", t.redacted_by AS "redactedBy"
     FROM events t JOIN events r ON r.event_nid = t.redacted_by
     WHERE t.room_nid = ? AND t.redacted_by IS NOT NULL AND r.outlier = 0 ORDER BY t.event_nid`,
    roomNid,
  )
}
