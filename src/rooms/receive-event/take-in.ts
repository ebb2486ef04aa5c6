import type { Event } from '#protocol/event.ts'
import type { EventId, ServerName } from '#protocol/identifiers.ts'
import { deleteMissingOf, insertMissing, waitingAmong } from '#storage/event-edges.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import type { ReceivedEvent } from '../persist-event.ts'
import type { Entries } from '../room-state/packed-entries.ts'
import { authGapsOf, insertAside, takeAway, waitingFor, type AuthGaps } from './auth-gaps.ts'
import { GraphReader } from './graph-reader.ts'
import { placeEvent } from './place-event.ts'
import { applies, redactionsWaitingFor, targetIdOf } from './redactions.ts'
import { settleRedactions, type Settling } from './settle-redactions.ts'
import { writeReceived } from './write-received.ts'

/** An event of others' whose form, hash and signatures have been checked. */
export interface Incoming {
  readonly event: Event
  /** Its canonical text as signed. */
  readonly text: string
}

/**
 * What became of an event: `known`: we have it already; `waiting`: kept aside until the events it names are here;
 * `outlier`: kept aside for good, as asked; `placed`: in the graph and the timeline; `softFailed` and `rejected`: in the
 * graph, and shown to nobody; `refused`: not kept, it names too many events, or a state that is not here with all that
 * authorizes it.
 */
export type Outcome = 'known' | 'waiting' | 'outlier' | 'placed' | 'softFailed' | 'rejected' | 'refused'

/** What has been fetched for an event before its transaction. */
export interface Numbers {
  readonly eventNid: number
  readonly senderNid: number
  readonly keyNid: number | null
  readonly stateNids: readonly number[]
  /** When it came, in milliseconds since 1970: read once, as the transaction may run more than once. */
  readonly receivedTs: number
}

/** An event to take in, with what was fetched for it. */
export interface Given {
  readonly room: Room
  readonly incoming: Incoming
  readonly numbers: Numbers
  /** The positions at hand: the event's own should it come into the timeline, and those of what it releases. */
  readonly positions: { readonly first: number; readonly count: number }
  readonly serverName: ServerName
  readonly state?: readonly EventId[]
  readonly outlier?: boolean
}

/** An event that is to be kept, with the events it names of those that are here. */
interface Found extends Given {
  readonly rows: ReadonlyMap<string, EventRow>
  /** Its row as long as it is not in the graph. */
  readonly aside: EventRow
  readonly gaps: AuthGaps
  /** For a redaction: what it names, and that event if it may be redacted. */
  readonly redacts: { readonly id: EventId | undefined; readonly target: EventRow | undefined }
}

/** What taking an event in has come to. */
export interface TakenIn extends ReceivedEvent {
  readonly outcome: Outcome
  readonly waiting: readonly number[]
  /** A state event kept aside that has all that authorizes it since now. */
  readonly wholeNid?: number | undefined
  /** How many positions it takes. When that is more than there were at hand, nothing was written. */
  readonly positionsNeeded: number
}

/**
 * Takes an event in within one transaction: it is known, refused, kept aside until what it names is here, or gets its place
 * in the graph. Some dozen set queries, and those of state resolution where ends differ.
 */
export async function takeIn(txn: Transaction, given: Given): Promise<TakenIn> {
  const { room } = given
  const { event } = given.incoming
  const targetId = event.type === 'm.room.redaction' ? targetIdOf(event, room) : undefined
  const named = [event.eventId, ...event.prevEvents, ...event.authEvents, ...(given.state ?? []), targetId ?? []].flat()
  const rows = new Map((await eventsByIds(txn, room.roomNid, named)).map((row) => [row.eventId, row]))
  const own = rows.get(event.eventId)
  // Should the server have stopped before it came to those that waited for it, they have their turn now.
  if (own?.outlier === 0) return { ...nothing('known'), waiting: await waitingFor(txn, room, event) }
  const gaps = await authGapsOf(txn, { room, event, state: given.state ?? [], rows })
  if (!gaps.isStateWhole) return nothing('refused')
  const aside = asideRow(given, gaps.oldNid === undefined ? own : undefined)
  const asked = [...nidsOf(event.authEvents, rows), rows.get(targetId ?? '')?.eventNid ?? []].flat()
  const undecided = new Set((await waitingAmong(txn, room.roomNid, asked)).map((each) => each.eventId))
  const missing = new Set([
    ...missingOf(event, { rows, undecided, stateIsGiven: given.state !== undefined }),
    ...gaps.missing,
  ])
  // A target of which nobody knows yet whether it counts is as good as unknown.
  const target = targetId === undefined || undecided.has(targetId) ? undefined : rows.get(targetId)
  const found = { ...given, rows, aside, gaps, redacts: { id: targetId, target } }
  if (given.outlier === true) return keepAside(txn, found)
  if (missing.size === 0) return place(txn, found)
  if (own === undefined || gaps.oldNid !== undefined) await insertAside(txn, found.incoming.event, found)
  else await deleteMissingOf(txn, room.roomNid, own.eventNid)
  const missed = [...missing].map((missingEventId) => ({ missingEventId, eventNid: aside.eventNid }))
  await insertMissing(txn, room.roomNid, missed)
  return nothing('waiting')
}

/** Keeps an event out of the graph, as asked: others may name it, and it may be part of a state. */
async function keepAside(txn: Transaction, given: Found): Promise<TakenIn> {
  const { room, rows, aside, gaps, positions } = given
  const { event } = given.incoming
  // Whoever waits for it waits for all that authorizes it.
  const waiting = gaps.missing.length === 0 ? await waitingFor(txn, room, event) : []
  const isNew = !rows.has(event.eventId)
  if (!isNew && gaps.oldNid === undefined) return { ...nothing('outlier'), waiting }
  const graph = new GraphReader(txn, room)
  const released = await redactionsWaitingFor(txn, graph, room, event)
  if (released.length > positions.count) return { ...nothing('outlier'), positionsNeeded: released.length }
  await insertAside(txn, event, given)
  const wholeNid = aside.keyNid !== null && gaps.missing.length === 0 ? aside.eventNid : undefined
  const settling = { event, row: aside, redacts: undefined, released, firstPosition: positions.first }
  const settled = await settleRedactions(txn, graph, settling)
  return { ...nothing('outlier'), ...settled, changed: released.length > 0, waiting, wholeNid }
}

/** Gives an event its place in the graph: everything it needs is here. */
async function place(txn: Transaction, given: Found): Promise<TakenIn> {
  const { room, rows, aside, positions } = given
  const { event } = given.incoming
  const { eventNid } = aside
  const { keyNid, stateNids } = given.numbers
  const graph = new GraphReader(txn, room)
  // Those that are only kept aside are not in the graph.
  const inGraph = event.prevEvents.filter((id) => rows.get(id)?.outlier === 0)
  const edges = { prevNids: nidsOf(inGraph, rows), authNids: nidsOf(event.authEvents, rows) }
  const givenState = given.state === undefined ? undefined : stateOf(given.state, rows)
  const { newStates, softFailed, authorizing, ...place } = await placeEvent(txn, graph, {
    ...{ room, event, eventNid, keyNid, stateNids, givenState },
    ...edges,
  })
  const released = place.rejected === null ? await redactionsWaitingFor(txn, graph, room, event) : []
  const positionsNeeded = 1 + released.length
  if (positionsNeeded > positions.count) return { ...nothing('waiting'), positionsNeeded }
  const counts = place.rejected === null && !softFailed
  const redacts = counts ? await redactsOf(graph, given, authorizing) : undefined
  const isWithheld = redacts !== undefined && redacts.targetNid === undefined && keyNid === null
  const streamPosition = isWithheld ? null : positions.first
  const topological = inCausalOrder(
    event.depth,
    inGraph.flatMap((id) => rows.get(id) ?? []),
  )
  const row = { ...aside, ...place, topological, outlier: 0, streamPosition, softFailed: softFailed ? 1 : 0 }
  if (given.gaps.oldNid !== undefined) await takeAway(txn, room, given.gaps.oldNid)
  await deleteMissingOf(txn, room.roomNid, eventNid)
  const stateNid = stateNids.at(-1) ?? 0
  const placed = { room, event, row, position: positions.first, ...edges, newStates, stateNid }
  const written = await writeReceived(txn, graph, { ...placed, serverName: given.serverName })
  const gaps = event.prevEvents.filter((id) => rows.get(id)?.outlier !== 0)
  const missed = gaps.map((missingEventId) => ({ missingEventId, eventNid }))
  await insertMissing(txn, room.roomNid, missed)
  const firstPosition = positions.first + 1
  const settled = await settleRedactions(txn, graph, { event, row, redacts, released, firstPosition })
  const outcome = row.rejected !== null ? 'rejected' : softFailed ? 'softFailed' : 'placed'
  const waiting = await waitingFor(txn, room, event)
  return { ...settled, ...written, waiting, changed: true, positionsNeeded, outcome }
}

/** What a redaction that counts redacts; undefined for every other event. */
async function redactsOf(
  graph: GraphReader,
  { room, incoming, redacts }: Found,
  authorizing: readonly number[],
): Promise<Settling['redacts']> {
  if (incoming.event.type !== 'm.room.redaction') return undefined
  const { id, target } = redacts
  const may = target !== undefined && (await applies(graph, room, incoming.event, { target, authorizing }))
  return { id, targetNid: may ? target.eventNid : undefined }
}

function nothing(outcome: Outcome): TakenIn {
  const none = { rows: [], events: [], redacted: [], members: [], deltas: [], waiting: [] }
  return { ...none, changed: false, positionsNeeded: 0, outcome }
}

/** What has to be here before the event can be placed: its auth events, and its previous events in the graph. */
function missingOf(
  event: Event,
  known: {
    readonly rows: ReadonlyMap<string, EventRow>
    /** Auth events that wait themselves, so that nobody knows yet whether they count. */
    readonly undecided: ReadonlySet<string>
    readonly stateIsGiven: boolean
  },
): EventId[] {
  const { rows, undecided, stateIsGiven } = known
  const missing = new Set(event.authEvents.filter((id) => !rows.has(id) || undecided.has(id)))
  if (!stateIsGiven) for (const id of event.prevEvents) if (rows.get(id)?.outlier !== 0) missing.add(id)
  return [...missing]
}

/** Where an event stands in the order of the graph: where it says, but after what it follows, and at a number that is exact. */
function inCausalOrder(depth: number, previous: readonly EventRow[]): number {
  const least = previous.reduce((most, row) => Math.max(most, row.topological + 1), 0)
  return Math.min(Math.max(depth, least), Number.MAX_SAFE_INTEGER)
}

function nidsOf(ids: readonly EventId[], rows: ReadonlyMap<string, EventRow>): number[] {
  return [...new Set(ids)].flatMap((id) => rows.get(id)?.eventNid ?? [])
}

function stateOf(ids: readonly EventId[], rows: ReadonlyMap<string, EventRow>): Entries {
  const state = new Map<number, number>()
  for (const id of ids) {
    const row = rows.get(id)
    if (row?.keyNid != null) state.set(row.keyNid, row.eventNid)
  }
  return state
}

/** The row of an event that is kept aside. */
function asideRow(
  given: { readonly room: Room; readonly incoming: Incoming; readonly numbers: Numbers },
  own: EventRow | undefined,
): EventRow {
  const { event, text } = given.incoming
  return {
    eventNid: own?.eventNid ?? given.numbers.eventNid,
    eventId: event.eventId,
    roomNid: given.room.roomNid,
    type: event.type,
    keyNid: given.numbers.keyNid,
    senderNid: given.numbers.senderNid,
    topological: inCausalOrder(event.depth, []),
    streamPosition: null,
    originServerTs: event.originServerTs,
    receivedTs: given.numbers.receivedTs,
    outlier: 1,
    softFailed: 0,
    rejected: null,
    redactedBy: own?.redactedBy ?? null,
    stateBefore: null,
    stateAfter: null,
    replacesNid: null,
    deviceId: null,
    txnId: null,
    json: text,
  }
}
