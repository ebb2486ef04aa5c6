import { mayRead } from '#protocol/history-visibility.ts'
import { parseEventId, type ServerName, type UserId } from '#protocol/identifiers.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { powerLevelsOf } from '#protocol/power-levels.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import { memberCounts } from '#storage/room-members.ts'
import { stateKeysOf } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import { memberEventsFrom, positionsOf, relationsOfEvents } from '#storage/unread-counts.ts'
import type { Room } from '../known-rooms.ts'
import { readStateKeys } from '../room-state/read-state.ts'
import { stateValue } from '../visibility/state-values.ts'
import {
  factsOf,
  ownThread,
  readEvent,
  redactedId,
  type EventFacts,
  type Moment,
  type ReadEvent,
} from './event-facts.ts'
import { mainThread } from './tallies.ts'

/** How far what an event relates to is followed to a thread. https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts */
const relationHopsMax = 3

/** Facts of events, and what each room is like at the newest of them. */
export interface FactsRead {
  readonly facts: ReadonlyMap<number, EventFacts>
  readonly moments: ReadonlyMap<number, Moment>
}

/** The rooms that events may be of, and who we are. */
export interface FactsBasis {
  readonly rooms: ReadonlyMap<number, Room>
  readonly serverName: ServerName
}

/**
 * What has to be known of events, which may be of several rooms, by their integer ids. A fixed number of queries,
 * whatever the number of events.
 */
export async function readFacts(txn: Transaction, rows: readonly EventRow[], basis: FactsBasis): Promise<FactsRead> {
  const facts = new Map<number, EventFacts>()
  const moments = new Map<number, Moment>()
  if (rows.length === 0) return { facts, moments }
  const events = rows.map(readEvent)
  const threads = await readThreads(txn, events)
  const redacted = await readRedacted(txn, events)
  const joined = await readJoined(txn, rows)
  const states = await readMoments(txn, rows, basis.rooms)
  for (const event of events) {
    const { row } = event
    const room = basis.rooms.get(row.roomNid)
    if (room === undefined) continue
    const state = states.get(row.stateBefore ?? 0) ?? nothingSaid(room)
    const moment = { ...state, stateNid: row.stateBefore, joined: joined.get(row.eventNid) ?? 0 }
    const threadId = threads.get(row.eventId) ?? mainThread
    facts.set(row.eventNid, factsOf(event, room, basis.serverName, { moment, threadId, redactsAt: redacted(event) }))
    moments.set(row.roomNid, moment)
  }
  return { facts, moments }
}

/** The thread of each event, by its id: its own, or that of what it relates to. */
async function readThreads(txn: Transaction, events: readonly ReadEvent[]): Promise<ReadonlyMap<string, string>> {
  const threads = new Map<string, string>()
  /** What is looked for, by the id of the event that may say it. */
  let open = new Map<string, string[]>()
  const ask = (next: Map<string, string[]>, parentId: string, eventId: string): void => {
    const list = next.get(parentId)
    if (list === undefined) next.set(parentId, [eventId])
    else list.push(eventId)
  }
  for (const event of events) {
    const thread = ownThread(event)
    if (thread !== undefined) threads.set(event.row.eventId, thread)
    else if (event.relation !== undefined) ask(open, event.relation.eventId, event.row.eventId)
  }
  const roomOf = new Map(events.map(({ row }) => [row.eventId, row.roomNid]))
  for (let hop = 0; hop < relationHopsMax && open.size > 0; hop++) {
    const next = new Map<string, string[]>()
    for (const relation of await relationsOfEvents(txn, [...open.keys()])) {
      for (const eventId of open.get(relation.eventId) ?? []) {
        if (roomOf.get(eventId) !== relation.roomNid) continue
        if (relation.relType === 'm.thread') threads.set(eventId, relation.relatesTo)
        else ask(next, relation.relatesTo, eventId)
      }
    }
    open = next
  }
  return threads
}

/** Gives, for a redaction, the position of what it redacts, if that is redacted. */
async function readRedacted(
  txn: Transaction,
  events: readonly ReadEvent[],
): Promise<(event: ReadEvent) => number | undefined> {
  const ids = events.flatMap((event) => redactedId(event) ?? [])
  if (ids.length === 0) return () => undefined
  const targets = new Map((await positionsOf(txn, ids)).map((target) => [target.eventId, target]))
  return (event) => {
    const target = targets.get(redactedId(event) ?? '')
    if (target?.roomNid !== event.row.roomNid || target.redactedBy === null) return undefined
    return target.streamPosition ?? undefined
  }
}

/** How many were joined before each event: those who are now, without what changed since. */
async function readJoined(txn: Transaction, rows: readonly EventRow[]): Promise<ReadonlyMap<number, number>> {
  const byRoom = Map.groupBy(rows, (row) => row.roomNid)
  const position = (row: EventRow): number => row.streamPosition ?? 0
  const first = [...byRoom.values()].flatMap((list) =>
    list.reduce((one, other) => (position(other) < position(one) ? other : one)),
  )
  const counts = await memberCounts(txn, [...byRoom.keys()])
  const now = new Map(counts.filter((row) => row.membership === 'join').map((row) => [row.roomNid, row.count]))
  const changes = Map.groupBy(
    await memberEventsFrom(
      txn,
      first.map((row) => row.eventNid),
    ),
    (change) => change.roomNid,
  )
  const joined = new Map<number, number>()
  for (const [roomNid, list] of byRoom) {
    const later = (changes.get(roomNid) ?? []).sort((a, b) => b.streamPosition - a.streamPosition)
    let count = now.get(roomNid) ?? 0
    let next = 0
    for (const row of list.toSorted((a, b) => position(b) - position(a))) {
      for (; next < later.length; next++) {
        const change = later[next]
        if (change === undefined || change.streamPosition < position(row)) break
        count -= isJoin(change.json) - isJoin(change.replacedJson)
      }
      joined.set(row.eventNid, count)
    }
  }
  return joined
}

function isJoin(json: string | null): number {
  return json !== null && stateValue(json) === 'join' ? 1 : 0
}

type StateMoment = Omit<Moment, 'joined' | 'stateNid'>

/** What a state without events says. */
function nothingSaid({ version }: Room): StateMoment {
  return { powers: powerLevelsOf(undefined, undefined, version), isOpen: true }
}

/** Powers and visibility in the states before these events, by state. */
async function readMoments(
  txn: Transaction,
  rows: readonly EventRow[],
  rooms: ReadonlyMap<number, Room>,
): Promise<ReadonlyMap<number, StateMoment>> {
  const roomOf = new Map(rows.flatMap((row) => (row.stateBefore === null ? [] : [[row.stateBefore, row.roomNid]])))
  const keys = await stateKeysOf(txn, ['m.room.power_levels', 'm.room.create', 'm.room.history_visibility'], [''])
  const keyNid = (type: string): number => keys.find((key) => key.type === type)?.keyNid ?? 0
  const states = await readStateKeys(
    txn,
    [...roomOf.keys()],
    keys.map((key) => key.keyNid),
  )
  const nids = new Set([...states.values()].flatMap((state) => [...state.values()]))
  const texts = new Map((await eventsByNids(txn, [...nids])).map((row) => [row.eventNid, row]))
  const moments = new Map<number, StateMoment>()
  for (const [stateNid, state] of states) {
    const version = rooms.get(roomOf.get(stateNid) ?? 0)?.version
    if (version === undefined) continue
    const event = (type: string): EventRow | undefined => texts.get(state.get(keyNid(type)) ?? 0)
    const parsed = (row: EventRow | undefined): ReturnType<typeof parseEvent> | undefined =>
      row === undefined ? undefined : parseEvent(row.json, version, parseEventId(row.eventId))
    const visibility = stateValue(event('m.room.history_visibility')?.json ?? '{}')
    moments.set(stateNid, {
      powers: powerLevelsOf(parsed(event('m.room.power_levels')), parsed(event('m.room.create')), version),
      isOpen: visibility !== 'joined' && visibility !== 'invited',
    })
  }
  return moments
}

/**
 * Which of these events, all of one room, each of the users may not see: those who are joined now may see what came after
 * they joined. Two or three queries when there is an event of which that has to be asked, none otherwise.
 */
export async function readHidden(
  txn: Transaction,
  facts: Iterable<EventFacts>,
  userIds: readonly UserId[],
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const hidden = new Map<string, Set<number>>()
  const asked = [...facts].filter((each) => each.isRestricted)
  if (asked.length === 0) return hidden
  const stateNids = [
    ...new Set(asked.flatMap(({ stateBefore, stateAfter }) => [stateBefore ?? [], stateAfter ?? []].flat())),
  ]
  const members = await stateKeysOf(txn, ['m.room.member'], userIds)
  const visibilityKeys = await stateKeysOf(txn, ['m.room.history_visibility'], [''])
  const keyNids = [...members, ...visibilityKeys].map((key) => key.keyNid)
  const states = await readStateKeys(txn, stateNids, keyNids)
  const nids = new Set([...states.values()].flatMap((state) => [...state.values()]))
  const values = new Map((await eventsByNids(txn, [...nids])).map((row) => [row.eventNid, stateValue(row.json)]))
  const visibilityKey = visibilityKeys[0]?.keyNid ?? 0
  const at = (stateNid: number | null, keyNid: number): string | undefined =>
    values.get(states.get(stateNid ?? 0)?.get(keyNid) ?? 0)
  for (const userId of userIds) {
    const memberKey = members.find((key) => key.stateKey === userId)?.keyNid ?? 0
    const unseen = asked.filter(
      ({ stateBefore, stateAfter }) =>
        !mayRead({
          visibilityBefore: at(stateBefore, visibilityKey),
          visibilityAfter: at(stateAfter, visibilityKey),
          membershipBefore: at(stateBefore, memberKey),
          membershipAfter: at(stateAfter, memberKey),
          joinedLater: true,
        }),
    )
    if (unseen.length > 0) hidden.set(userId, new Set(unseen.map((each) => each.eventNid)))
  }
  return hidden
}
