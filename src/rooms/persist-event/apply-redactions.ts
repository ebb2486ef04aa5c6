import { redactionStandings, setRedactedBy } from '#storage/redactions.ts'
import type { Transaction } from '#storage/transaction.ts'

/** A redaction that applies to an event. */
export interface AppliedRedaction {
  readonly targetNid: number
  readonly eventNid: number
  readonly topological: number
  readonly eventId: string
}

/** That an event is redacted now, or by another event than before. */
export interface RedactedEvent {
  readonly eventNid: number
  readonly redactedBy: number
}

/**
 * Redacts events. Of several redactions of one event the first in causal order counts, of those side by side the one
 * with the smaller id, so that every order in which they come ends the same. Gives what has changed. One query, and a
 * write when something has.
 */
export async function applyRedactions(
  txn: Transaction,
  redactions: readonly AppliedRedaction[],
): Promise<readonly RedactedEvent[]> {
  if (redactions.length === 0) return []
  const targets = redactions.map((redaction) => redaction.targetNid)
  const found = await redactionStandings(txn, [...new Set(targets)])
  const standings = new Map(found.map((standing) => [standing.targetNid, standing]))
  const changed = new Map<number, number>()
  for (const redaction of redactions) {
    const { targetNid, eventNid, topological, eventId } = redaction
    const standing = standings.get(targetNid)
    if (standing === undefined) continue
    // One that is gone from the database was there long before.
    const stays =
      standing.redactedBy !== null &&
      (standing.topological === null || standing.eventId === null || !comesFirst(redaction, standing))
    if (stays) continue
    standings.set(targetNid, { targetNid, redactedBy: eventNid, topological, eventId })
    changed.set(targetNid, eventNid)
  }
  const redacted = [...changed].map(([eventNid, redactedBy]) => ({ eventNid, redactedBy }))
  if (redacted.length > 0) await setRedactedBy(txn, redacted)
  return redacted
}

/** Whether one redaction counts rather than another of the same event. */
export function comesFirst(
  one: { readonly topological: number; readonly eventId: string },
  other: { readonly topological: number | null; readonly eventId: string | null },
): boolean {
  const depth = other.topological ?? Infinity
  return one.topological < depth || (one.topological === depth && one.eventId < (other.eventId ?? ''))
}
