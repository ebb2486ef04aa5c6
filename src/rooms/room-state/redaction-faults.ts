import { parseEventId } from '#protocol/identifiers.ts'
import { waitingAmong } from '#storage/event-edges.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import { redactedEventsOfRoom, redactionsOfRoom } from '#storage/redactions.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import { comesFirst } from '../persist-event/apply-redactions.ts'
import { GraphReader } from '../receive-event/graph-reader.ts'
import { isRedactedBy, levelsBefore, targetIdOf } from '../receive-event/redactions.ts'

/** Redactions that are looked at together. */
const redactionsAtOnce = 500

/** What a redaction redacts: an event, none that is known, or none for good. */
type Target = EventRow | 'unknown' | 'none'

/**
 * Works out anew which events of a room are redacted and by what, and which redactions are withheld, and says in a
 * sentence each what differs. Costs the room's events; in memory is what is redacted.
 */
export async function redactionFaults(txn: Transaction, room: Room): Promise<string[]> {
  const { roomNid } = room
  const faults: string[] = []
  const firsts = new Map<number, EventRow>()
  for (let after: EventRow | undefined; ;) {
    const from = after
    const { rows, withheld } = await redactionsOfRoom(txn, { roomNid, after: from, limit: redactionsAtOnce })
    const targets = await targetsOf(txn, room, rows)
    for (const row of rows) {
      const target = targets.get(row.eventNid) ?? 'none'
      faults.push(...standingFaults(row, target, withheld.has(row.eventNid)))
      if (typeof target === 'string') continue
      const other = firsts.get(target.eventNid)
      if (other === undefined || comesFirst(row, other)) firsts.set(target.eventNid, row)
    }
    if (rows.length < redactionsAtOnce) break
    after = rows.at(-1)
  }
  for (const { eventNid, eventId, redactedBy } of await redactedEventsOfRoom(txn, roomNid)) {
    const right = firsts.get(eventNid)
    firsts.delete(eventNid)
    if (right?.eventNid !== redactedBy)
      faults.push(`${eventId} is redacted by event ${redactedBy}; it should be by ${right?.eventNid ?? 'none'}.`)
  }
  for (const [eventNid, right] of firsts)
    faults.push(`Event ${eventNid} should be redacted by event ${right.eventNid}.`)
  return faults
}

async function targetsOf(
  txn: Transaction,
  room: Room,
  redactions: readonly EventRow[],
): Promise<ReadonlyMap<number, Target>> {
  const graph = new GraphReader(txn, room)
  graph.add(redactions)
  const named = (await graph.load(redactions.map((row) => row.eventNid))).map(({ row, event }) => ({
    row,
    event,
    targetId: targetIdOf(event, room),
  }))
  const found = await eventsByIds(
    txn,
    room.roomNid,
    named.flatMap(({ targetId }) => targetId ?? []),
  )
  const nids = found.map((row) => row.eventNid)
  const undecided = new Set((await waitingAmong(txn, room.roomNid, nids)).map((each) => each.eventId))
  const known = new Map(found.filter((row) => !undecided.has(row.eventId)).map((row) => [row.eventId, row]))
  graph.add(found)
  const levels = await levelsBefore(txn, graph, room, redactions)
  const targets = new Map<number, Target>()
  for (const { row, event, targetId } of named) {
    const target = targetId === undefined ? undefined : known.get(targetId)
    const targetEvent = target === undefined ? undefined : graph.byId(parseEventId(target.eventId))?.event
    const power = levels.get(row.stateBefore ?? 0)
    if (targetId === undefined) targets.set(row.eventNid, 'none')
    else if (target === undefined || targetEvent === undefined) targets.set(row.eventNid, 'unknown')
    else {
      const counts = target.rejected === null && target.eventId !== row.eventId && power !== undefined
      targets.set(row.eventNid, counts && isRedactedBy(targetEvent, event, power, room) ? target : 'none')
    }
  }
  return targets
}

function standingFaults(row: EventRow, target: Target, isWithheld: boolean): string[] {
  const isTold = row.streamPosition !== null
  if (typeof target !== 'string' && isWithheld) return [`The redaction ${row.eventId} applies, and is withheld.`]
  // One whose target is unknown may have redacted it before it was purged.
  if (target === 'none' && !isWithheld) return [`The redaction ${row.eventId} does not apply, and is told.`]
  if (row.keyNid === null && isTold === isWithheld)
    return [
      `The redaction ${row.eventId} has ${isTold ? 'a' : 'no'} position, and is ${isWithheld ? '' : 'not '}withheld.`,
    ]
  return []
}
