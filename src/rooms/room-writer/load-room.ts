import { NumberMap } from '#base/number-map.ts'
import { currentState } from '#storage/current-state.ts'
import { forwardExtremities } from '#storage/event-edges.ts'
import { mergedState } from '#storage/rooms.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '../known-rooms.ts'
import { NodePath } from '../room-state/node-path.ts'
import type { Entries } from '../room-state/packed-entries.ts'
import { readChunked, readNodes } from '../room-state/read-state.ts'
import type { Extremity, LiveRoom } from './live-room.ts'

/** Where a room ends. */
export interface RoomEnds {
  readonly extremities: readonly Extremity[]
  /** The path to the state that its ends resolve to. */
  readonly path: NodePath
}

/** Reads a room into memory so that events can be added to it: one interaction, which costs the size of its state. */
export async function loadRoom(database: Database, room: Room): Promise<LiveRoom> {
  const { state, ends } = await database.runInteraction(
    'load_room',
    async (txn) => {
      const state = await currentState(txn, room.roomNid)
      return { state, ends: await readEnds(txn, room, { size: state.length, deltas: new Map() }) }
    },
    { readOnly: true },
  )
  return liveRoom(room, NumberMap.from(state.map((entry) => [entry.keyNid, entry.eventNid])), ends)
}

/** The memory of a room that has no event yet. */
export function newRoom(room: Room, path: NodePath): LiveRoom {
  return liveRoom(room, new NumberMap(), { path, extremities: [] })
}

function liveRoom(room: Room, state: NumberMap, ends: RoomEnds): LiveRoom {
  return {
    ...{ room, failed: false, state, path: ends.path, extremities: ends.extremities },
    ...{ authEvents: new Map(), authNids: new Map() },
    ...{ received: 0, caughtUp: 0, changedKeys: new Set() },
  }
}

/**
 * Reads where a room ends. `size`: how many keys its state has; `deltas`: those of states that are known already. Costs
 * what lies between the state and what is known.
 */
export async function readEnds(
  txn: Transaction,
  { roomNid }: Room,
  known: { readonly size: number; readonly deltas: ReadonlyMap<number, Entries> },
): Promise<RoomEnds> {
  const rows = await forwardExtremities(txn, roomNid)
  const stateNid = (await mergedState(txn, roomNid)) ?? rows[0]?.stateNid ?? 0
  const path = NodePath.resume({ roomNid, stateNid, nodes: await readNodes(txn, [stateNid]), size: known.size })
  path.supply(known.deltas)
  path.supply(await readChunked(txn, path.missing('all')))
  const extremities = rows.map(({ json, eventId, ...extremity }) => ({
    ...extremity,
    eventId: parseEventId(eventId),
    pdu: JSON.parse(json) as JsonObject,
  }))
  return { extremities, path }
}
