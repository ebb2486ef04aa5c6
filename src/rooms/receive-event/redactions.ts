import type { Event } from '#protocol/event.ts'
import { isEventId, parseEventId, type EventId } from '#protocol/identifiers.ts'
import { powerLevelsOf, type PowerLevels } from '#protocol/power-levels.ts'
import { redacts } from '#protocol/redaction-rule.ts'
import { redactedEventIdOf } from '#protocol/redaction.ts'
import type { EventRow } from '#storage/events.ts'
import { withheldRedactionsOf } from '#storage/redactions.ts'
import { stateKeysOf } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import { readStateKeys } from '../room-state/read-state.ts'
import type { GraphReader } from './graph-reader.ts'

/** Withheld redactions that are looked at together. */
const redactionsAtOnce = 100

/**
 * The id of the event that a redaction names; undefined for what is no redaction, and for one that names nothing that
 * could be an event.
 */
export function targetIdOf(event: Event, room: Room): EventId | undefined {
  const redactedId = redactedEventIdOf(event.pdu, room.version)
  return isEventId(redactedId) ? redactedId : undefined
}

/**
 * Whether a redaction that counts applies to an event of its room, by the power in the state before it, of which
 * `authorizing` are the events that authorize.
 */
export async function applies(
  graph: GraphReader,
  room: Room,
  redaction: Event,
  given: { readonly target: EventRow; readonly authorizing: readonly number[] },
): Promise<boolean> {
  const { target, authorizing } = given
  if (target.rejected !== null || target.eventId === redaction.eventId) return false
  graph.add([target])
  const event = graph.byId(parseEventId(target.eventId))?.event
  return event !== undefined && isRedactedBy(event, redaction, await levelsAmong(graph, room, authorizing), room)
}

/**
 * The redactions that came before the event they redact, which comes now: those that apply to it, the first in causal
 * order first. One query as a rule, which finds none.
 */
export async function redactionsWaitingFor(
  txn: Transaction,
  graph: GraphReader,
  room: Room,
  target: Event,
): Promise<EventRow[]> {
  const waiting: EventRow[] = []
  for (let after: EventRow | undefined; ;) {
    const from = after
    const page = await withheldRedactionsOf(txn, {
      ...{ roomNid: room.roomNid, redacts: target.eventId, after: from, limit: redactionsAtOnce },
    })
    if (page.length === 0) return waiting
    graph.add(page)
    const levels = await levelsBefore(txn, graph, room, page)
    for (const row of page) {
      const redaction = graph.byId(parseEventId(row.eventId))?.event
      const power = levels.get(row.stateBefore ?? 0)
      if (redaction === undefined || power === undefined || redaction.eventId === target.eventId) continue
      if (isRedactedBy(target, redaction, power, room)) waiting.push(row)
    }
    if (page.length < redactionsAtOnce) return waiting
    after = page.at(-1)
  }
}

/** Whether a redaction redacts another event of its room, by the power before it. */
export function isRedactedBy(target: Event, redaction: Event, levels: PowerLevels, room: Room): boolean {
  const { type, sender, stateKey } = target
  return redacts(redaction, { type, sender, isState: stateKey !== undefined }, levels, room.version)
}

/** Who may do what in the states before these events, by the states. Five queries at most. */
export async function levelsBefore(
  txn: Transaction,
  graph: GraphReader,
  room: Room,
  rows: readonly EventRow[],
): Promise<ReadonlyMap<number, PowerLevels>> {
  const keys = await stateKeysOf(txn, ['m.room.power_levels', 'm.room.create'], [''])
  const keyNids = keys.map((key) => key.keyNid)
  const stateNids = [...new Set(rows.flatMap((row) => row.stateBefore ?? []))]
  const states = await readStateKeys(txn, stateNids, keyNids)
  // All of them in one query, for the look-ups that follow.
  await graph.load(new Set([...states.values()].flatMap((state) => [...state.values()])))
  const levels = new Map<number, PowerLevels>()
  for (const [stateNid, state] of states) levels.set(stateNid, await levelsAmong(graph, room, [...state.values()]))
  return levels
}

async function levelsAmong(graph: GraphReader, room: Room, eventNids: readonly number[]): Promise<PowerLevels> {
  const events = (await graph.load(eventNids)).map(({ event }) => event)
  const ofType = (type: string): Event | undefined =>
    events.find((event) => event.type === type && event.stateKey === '')
  return powerLevelsOf(ofType('m.room.power_levels'), ofType('m.room.create'), room.version)
}
