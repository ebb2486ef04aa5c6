import type { Event } from '#protocol/event.ts'
import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import { insertWithheldRedaction, releaseRedactions } from '#storage/redactions.ts'
import { insertRelations } from '#storage/relations.ts'
import type { Transaction } from '#storage/transaction.ts'
import { applyRedactions, type RedactedEvent } from '../persist-event/apply-redactions.ts'
import { relationOf } from '../persist-event/relation.ts'
import type { GraphReader } from './graph-reader.ts'

/** An event that has just been written, and what redactions have to do with it. */
export interface Settling {
  readonly event: Event
  readonly row: EventRow
  /** For a redaction that counts: the event that it redacts; undefined when it redacts none, or none yet. */
  readonly redacts: { readonly id: EventId | undefined; readonly targetNid: number | undefined } | undefined
  /** Redactions that were withheld until the event came, and the first of as many positions for them. */
  readonly released: readonly EventRow[]
  readonly firstPosition: number
}

/** What may be told now, oldest first, and what is redacted now. */
export interface Settled {
  readonly rows: readonly EventRow[]
  readonly events: readonly Event[]
  readonly redacted: readonly RedactedEvent[]
}

/**
 * Writes what redactions make of an event that has come, and what it makes of others if it is one. A redaction without
 * a target stays out of the order of arrival, so that no reader finds it; it comes into it behind its target.
 */
export async function settleRedactions(txn: Transaction, graph: GraphReader, settling: Settling): Promise<Settled> {
  const { event, row, redacts, released, firstPosition } = settling
  const { eventNid, roomNid } = row
  if (redacts !== undefined && redacts.targetNid === undefined)
    await insertWithheldRedaction(txn, { eventNid, roomNid, redacts: redacts.id ?? '' })
  const own = redacts?.targetNid === undefined ? [] : [{ ...row, targetNid: redacts.targetNid }]
  const redacted = await applyRedactions(txn, [...released.map((each) => ({ ...each, targetNid: eventNid })), ...own])
  const redactedBy = redacted.find((each) => each.eventNid === eventNid)?.redactedBy ?? row.redactedBy
  // One that is part of the state has a position from the first.
  const told = released.flatMap((each, index) =>
    each.streamPosition === null ? [{ ...each, streamPosition: firstPosition + index }] : [],
  )
  const events = told.flatMap((each) => graph.byId(parseEventId(each.eventId))?.event ?? [])
  if (released.length > 0) {
    const placed = new Map(told.map((each) => [each.eventNid, each]))
    await releaseRedactions(
      txn,
      released.map((each) => placed.get(each.eventNid) ?? each),
    )
    const relations = told.flatMap((each, index) => relationOf(each, events[index]?.content) ?? [])
    if (relations.length > 0) await insertRelations(txn, relations)
  }
  return row.streamPosition === null
    ? { rows: told, events, redacted }
    : { rows: [{ ...row, redactedBy }, ...told], events: [event, ...events], redacted }
}
