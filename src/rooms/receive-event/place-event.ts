import { authEventKeys, checkAuth, checkAuthEvents } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { currentStateOf } from '#storage/current-state.ts'
import { stateChunkCount, stateKeysOf } from '#storage/room-state.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Room } from '../known-rooms.ts'
import { NodePath, type NewState } from '../room-state/node-path.ts'
import type { Entries } from '../room-state/packed-entries.ts'
import { readChunked, readNodes, readState, readStateKeys } from '../room-state/read-state.ts'
import { chunkEntriesMax } from '../room-state/state-path.ts'
import type { GraphReader } from './graph-reader.ts'
import { mergeStates } from './merge-states.ts'

/** What an event needs to be placed, found before. */
export interface Placing {
  readonly room: Room
  readonly event: Event
  readonly eventNid: number
  /** The (type, state key) pair, for a state event. */
  readonly keyNid: number | null
  readonly prevNids: readonly number[]
  readonly authNids: readonly number[]
  /** Numbers for states that come to be, as many as could be needed. */
  readonly stateNids: readonly number[]
  /** The state before it when others have said so: of an event whose previous events are not all in the graph. */
  readonly givenState: Entries | undefined
}

/** Where an event stands: the states around it, and whether the rules let it count. */
export interface Place {
  readonly stateBefore: number
  readonly stateAfter: number
  readonly replacesNid: number | null
  readonly rejected: string | null
  readonly softFailed: boolean
  readonly newStates: readonly NewState[]
  /** The events of the state before it that authorize it, and the create event. */
  readonly authorizing: readonly number[]
}

/**
 * Finds the state before an event out of the states after the ones it follows, checks it against the rules, and finds
 * the state after it: checks 4 to 6 of https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export async function placeEvent(txn: Transaction, graph: GraphReader, placing: Placing): Promise<Place> {
  const { room, event, eventNid, keyNid } = placing
  const newStates: NewState[] = []
  const before = await stateBefore(txn, graph, placing, newStates)
  const keys = [...authEventKeys(event, room.version), ['m.room.create', ''] as const]
  const keyRows = await stateKeysOf(
    txn,
    keys.map(([type]) => type),
    keys.map(([, stateKey]) => stateKey),
  )
  const asked = keyRows.map((row) => row.keyNid)
  const state = await before.read(keyNid === null ? asked : [...asked, keyNid])
  const authorizing = asked.flatMap((nid) => state.get(nid) ?? [])
  const now = await currentStateOf(txn, [room.roomNid], asked)
  const isSecond = event.type === 'm.room.create' && now.some((entry) => entry.keyNid === keyNid)
  const rejected = isSecond
    ? 'the room has been created by another event'
    : await reasonToReject(graph, placing, authorizing)
  const softFailed =
    rejected === null &&
    now.length > 0 &&
    !(await allows(
      graph,
      placing,
      now.map((entry) => entry.eventNid),
    ))
  let stateAfter = before.stateNid
  if (rejected === null && keyNid !== null) {
    const path = before.path ?? (await pathTo(txn, room, before.stateNid))
    const whole = path.rebasesNext ? await readState(txn, before.stateNid) : new Map<number, number>()
    const created = path.addEvent({ eventNid, keyNid }, placing.stateNids[1] ?? 0, () => whole.set(keyNid, eventNid))
    if (created !== undefined) newStates.push(created)
    stateAfter = path.stateNid
  }
  const replacesNid = keyNid === null ? null : (state.get(keyNid) ?? null)
  return { stateBefore: before.stateNid, stateAfter, replacesNid, rejected, softFailed, newStates, authorizing }
}

interface StateBefore {
  readonly stateNid: number
  /** The path to it, when it is new. */
  readonly path: NodePath | undefined
  read(keyNids: readonly number[]): Promise<Entries>
}

async function stateBefore(
  txn: Transaction,
  graph: GraphReader,
  placing: Placing,
  newStates: NewState[],
): Promise<StateBefore> {
  const { room, prevNids, givenState, stateNids } = placing
  const [stateNid = 0] = stateNids
  if (givenState !== undefined || prevNids.length === 0) {
    const whole = givenState ?? new Map<number, number>()
    const { path, created } = NodePath.from(room.roomNid, stateNid, whole)
    newStates.push(created)
    return { stateNid, path, read: () => Promise.resolve(whole) }
  }
  const rows = await graph.load(prevNids)
  const ends = new Set(rows.flatMap(({ row }) => row.stateAfter ?? []))
  const merged = await addMerged({ txn, room, graph, ends: [...ends], stateNid, newStates })
  const read = async (keyNids: readonly number[]): Promise<Entries> => {
    const state = new Map((await readStateKeys(txn, [merged.on], keyNids)).get(merged.on))
    for (const [keyNid, eventNid] of merged.change) {
      if (eventNid === 0) state.delete(keyNid)
      else state.set(keyNid, eventNid)
    }
    return state
  }
  return { stateNid: merged.stateNid, path: merged.path, read }
}

/** The state that several resolve to, as one of them or as a new one, which is added to `newStates`. */
export async function addMerged(of: {
  readonly txn: Transaction
  readonly room: Room
  readonly graph: GraphReader
  readonly ends: readonly number[]
  readonly stateNid: number
  readonly newStates: NewState[]
}): Promise<{ on: number; change: Entries; stateNid: number; path: NodePath | undefined }> {
  const { txn, room, graph, ends, stateNid, newStates } = of
  const { on, change } = await mergeStates(txn, room, graph, ends)
  if (change.size === 0) return { on, change, stateNid: on, path: undefined }
  const path = await pathTo(txn, room, on)
  const whole = path.rebasesNext ? await readState(txn, on) : new Map<number, number>()
  newStates.push(
    path.add(stateNid, change, () => {
      for (const [keyNid, eventNid] of change) {
        if (eventNid === 0) whole.delete(keyNid)
        else whole.set(keyNid, eventNid)
      }
      return whole
    }),
  )
  return { on, change, stateNid, path }
}

async function pathTo(txn: Transaction, { roomNid }: Room, stateNid: number): Promise<NodePath> {
  const nodes = await readNodes(txn, [stateNid])
  const base = [...nodes.values()].find((node) => node.parentNid === null)
  const size = base === undefined ? 0 : (await stateChunkCount(txn, base.stateNid)) * chunkEntriesMax
  const path = NodePath.resume({ roomNid, stateNid, nodes, size })
  path.supply(await readChunked(txn, path.missing('next')))
  return path
}

async function reasonToReject(
  graph: GraphReader,
  placing: Placing,
  stateBeforeNids: readonly number[],
): Promise<string | null> {
  const { event, room } = placing
  const named = await graph.load(placing.authNids)
  const byNamed = checkAuthEvents(
    event,
    named.map((each) => ({ event: each.event, rejected: each.row.rejected !== null })),
    room.version,
  )
  if (!byNamed.allowed) return `rule ${byNamed.rule}: ${byNamed.reason}`
  const create = room.version.roomIdIsCreateId ? stateBeforeNids : []
  const own = await verdict(graph, placing, [...create, ...placing.authNids])
  if (!own.allowed) return `by its auth events, rule ${own.rule}: ${own.reason}`
  const before = await verdict(graph, placing, stateBeforeNids)
  return before.allowed ? null : `by the state before it, rule ${before.rule}: ${before.reason}`
}

async function allows(graph: GraphReader, placing: Placing, eventNids: readonly number[]): Promise<boolean> {
  return (await verdict(graph, placing, eventNids)).allowed
}

/** What the rules say of the event in a state made of these events, the later ones going before. */
async function verdict(
  graph: GraphReader,
  { event, room }: Placing,
  eventNids: readonly number[],
): Promise<ReturnType<typeof checkAuth>> {
  const state = new Map<string, Event>()
  for (const { event: each } of await graph.load(eventNids)) {
    if (each.stateKey !== undefined) state.set(stateKeyText(each.type, each.stateKey), each)
  }
  return checkAuth(event, (type, stateKey) => state.get(stateKeyText(type, stateKey)), room.version)
}
