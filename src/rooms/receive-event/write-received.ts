import type { Event } from '#protocol/event.ts'
import { parseUserId, serverNameOf, type ServerName } from '#protocol/identifiers.ts'
import { applyStateDeltas, noteStateDeltas, type StateDelta } from '#storage/current-state.ts'
import {
  deleteMissing,
  edgesOfEvents,
  forwardExtremities,
  missedBy,
  moveExtremities,
  setPrevious,
} from '#storage/event-edges.ts'
import { deleteEvents, insertEvents, type EventRow } from '#storage/events.ts'
import { setMemberships, userNidsOf } from '#storage/memberships.ts'
import { deleteStates } from '#storage/purge.ts'
import { insertRelations } from '#storage/relations.ts'
import { insertStateChunks, insertStateNodes, stateKeys } from '#storage/room-state.ts'
import { mergedState, setMergedState } from '#storage/rooms.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import type { MembershipChange, MembershipState } from '../memberships.ts'
import { relationOf } from '../persist-event/relation.ts'
import type { NewState } from '../room-state/node-path.ts'
import { readDifference, readState } from '../room-state/read-state.ts'
import type { GraphReader } from './graph-reader.ts'
import { addMerged } from './place-event.ts'

/** How many rejected or soft-failed events in a row are looked past for the ends that an event follows. */
const uncountedStepsMax = 100

/** An event with its place, to be written. */
export interface PlacedEvent {
  readonly room: Room
  readonly event: Event
  readonly row: EventRow
  /** Its position, which the row has not when the event is withheld. */
  readonly position: number
  readonly prevNids: readonly number[]
  readonly authNids: readonly number[]
  readonly newStates: readonly NewState[]
  /** A number for the state that the room's ends resolve to afterwards. */
  readonly stateNid: number
  readonly serverName: ServerName
}

/** What writing an event has changed. */
export interface Written {
  readonly members: readonly MembershipChange[]
  readonly deltas: readonly StateDelta[]
  /** Events that waited for this one. */
  readonly waiting: readonly number[]
}

/** Writes an event that has its place in the graph, and what follows from it for the room as it is now. */
export async function writeReceived(txn: Transaction, graph: GraphReader, placed: PlacedEvent): Promise<Written> {
  const { room, event, row, prevNids, authNids } = placed
  const missed = await missedBy(txn, room.roomNid, row.eventId)
  await deleteEvents(txn, [row.eventNid])
  await insertEvents(txn, [{ ...row, prevNids, authNids }])
  await writeStates(txn, placed.newStates)
  const followers = missed.filter((each) => each.outlier === 0).map((each) => each.eventNid)
  // Those that wait do so until their own turn: before it nobody knows whether they count.
  if (followers.length > 0) await deleteMissing(txn, room.roomNid, row.eventId, followers)
  for (const edges of await edgesOfEvents(txn, followers)) {
    await setPrevious(txn, edges.eventNid, [...edges.prevNids, row.eventNid])
  }
  // One that is withheld relates to nothing until it is told.
  if (row.rejected === null && row.streamPosition !== null) {
    const relation = relationOf(row, event.content)
    if (relation !== undefined) await insertRelations(txn, [relation])
  }
  const counts = row.rejected === null && row.softFailed === 0
  const deltas = counts ? await moveEnds(txn, graph, placed, followers.length > 0) : []
  await writeDeltas(txn, placed, deltas)
  const members = await membershipsOf(txn, graph, placed, deltas)
  if (members.length > 0) await setMemberships(txn, members)
  return { members, deltas, waiting: missed.filter((each) => each.outlier === 1).map((each) => each.eventNid) }
}

async function writeStates(txn: Transaction, states: readonly NewState[]): Promise<void> {
  await insertStateNodes(
    txn,
    states.map((state) => state.node),
  )
  await insertStateChunks(
    txn,
    states.flatMap((state) => state.chunks),
  )
}

/** Moves the ends of the room on to the event, and gives how the room's state has changed by that. */
async function moveEnds(
  txn: Transaction,
  graph: GraphReader,
  placed: PlacedEvent,
  isFollowed: boolean,
): Promise<StateDelta[]> {
  const { room, row, prevNids } = placed
  const ends = await forwardExtremities(txn, room.roomNid)
  const merged = await mergedState(txn, room.roomNid)
  const from = merged ?? ends[0]?.stateNid
  const followed = await followedBy(txn, graph, prevNids)
  const remove = ends.filter((end) => followed.has(end.eventNid))
  // An event that is followed already only fills a gap.
  const add = isFollowed ? [] : [row.eventNid]
  await moveExtremities(txn, room.roomNid, { remove: remove.map((end) => end.eventNid), add })
  const states = ends.filter((end) => !remove.includes(end)).map((end) => end.stateNid)
  if (!isFollowed && row.stateAfter !== null) states.push(row.stateAfter)
  const newStates: NewState[] = []
  const { stateNid: to } = await addMerged({
    txn,
    room,
    graph,
    ends: [...new Set(states)],
    stateNid: placed.stateNid,
    newStates,
  })
  await writeStates(txn, newStates)
  const nowMerged = states.length > 1 ? to : null
  if (nowMerged !== merged) await setMergedState(txn, room.roomNid, nowMerged)
  const streamPosition = placed.position
  if (from === undefined) {
    return [...(await readState(txn, to))].map(([keyNid, eventNid]) => ({
      streamPosition,
      keyNid,
      eventNid,
      prevEventNid: null,
    }))
  }
  const difference = await readDifference(txn, from, to)
  // A state made of several ends is the state of no event until one follows them all, and then they are one.
  if (merged !== null && merged !== to && !ends.some((end) => end.stateNid === merged))
    await deleteStates(txn, [merged])
  return difference.map(({ keyNid, from: prevEventNid, to: eventNid }) => ({
    streamPosition,
    keyNid,
    eventNid,
    prevEventNid,
  }))
}

/** The events that one follows: those it names, and through those of them that do not count, the ones before. */
async function followedBy(txn: Transaction, graph: GraphReader, prevNids: readonly number[]): Promise<Set<number>> {
  const followed = new Set(prevNids)
  let frontier = [...prevNids]
  for (let step = 0; step < uncountedStepsMax && frontier.length > 0; step++) {
    const uncounted = (await graph.load(frontier)).filter(({ row }) => row.rejected !== null || row.softFailed === 1)
    const edges = await edgesOfEvents(
      txn,
      uncounted.map(({ row }) => row.eventNid),
    )
    frontier = edges.flatMap((each) => each.prevNids).filter((nid) => !followed.has(nid))
    for (const nid of frontier) followed.add(nid)
  }
  return followed
}

async function writeDeltas(txn: Transaction, placed: PlacedEvent, deltas: readonly StateDelta[]): Promise<void> {
  const { row, room, position } = placed
  if (deltas.length > 0) await applyStateDeltas(txn, room.roomNid, deltas)
  const [only] = deltas
  const isPlain =
    row.keyNid === null
      ? deltas.length === 0
      : deltas.length === 1 && only?.eventNid === row.eventNid && only.prevEventNid === row.replacesNid
  if (!isPlain) await noteStateDeltas(txn, room.roomNid, position, deltas)
}

/** What changes of member events in the room's state make of people. Somebody whose event is gone has left. */
async function membershipsOf(
  txn: Transaction,
  graph: GraphReader,
  placed: PlacedEvent,
  deltas: readonly StateDelta[],
): Promise<MembershipChange[]> {
  const { room, position } = placed
  const byKey = new Map(deltas.map((delta) => [delta.keyNid, delta]))
  const keys = (await stateKeys(txn, [...byKey.keys()])).filter((key) => key.type === 'm.room.member')
  if (keys.length === 0) return []
  const userNids = new Map(
    (
      await userNidsOf(
        txn,
        keys.map((key) => key.stateKey),
      )
    ).map(({ userId, userNid }) => [userId, userNid]),
  )
  const eventNidOf = (delta: StateDelta | undefined): number => delta?.eventNid ?? delta?.prevEventNid ?? 0
  const loaded = await graph.load(keys.map((key) => eventNidOf(byKey.get(key.keyNid))))
  const events = new Map(loaded.map((each) => [each.row.eventNid, each]))
  const changes: MembershipChange[] = []
  for (const { keyNid, stateKey } of keys) {
    const delta = byKey.get(keyNid)
    const source = events.get(eventNidOf(delta))
    const userNid = userNids.get(stateKey)
    if (source === undefined || userNid === undefined) continue
    const userId = parseUserId(stateKey)
    // The auth rules have let only the five memberships through.
    const membership = delta?.eventNid === null ? 'leave' : (source.event.content['membership'] as MembershipState)
    changes.push({
      userId,
      row: {
        roomNid: room.roomNid,
        userNid,
        membership,
        eventNid: source.row.eventNid,
        senderNid: source.row.senderNid,
        streamPosition: position,
        local: serverNameOf(userId) === placed.serverName ? 1 : 0,
        forgotten: 0,
      },
    })
  }
  return changes
}
