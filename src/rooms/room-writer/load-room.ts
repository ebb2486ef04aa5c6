import { NumberMap } from '#base/number-map.ts'
import { currentState } from '#storage/current-state.ts'
import { forwardExtremities } from '#storage/event-edges.ts'
import { mergedState } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '../known-rooms.ts'
import { NodePath } from '../room-state/node-path.ts'
import { readChunked, readNodes } from '../room-state/read-state.ts'
import type { LiveRoom } from './live-room.ts'

/** Reads a room into memory so that events can be added to it: one interaction, which costs the size of its state. */
export async function loadRoom(database: Database, room: Room): Promise<LiveRoom> {
  const { state, extremities, path } = await database.runInteraction(
    'load_room',
    async (txn) => {
      const state = await currentState(txn, room.roomNid)
      const extremities = await forwardExtremities(txn, room.roomNid)
      const stateNid = (await mergedState(txn, room.roomNid)) ?? extremities[0]?.stateNid ?? 0
      const nodes = await readNodes(txn, [stateNid])
      const path = NodePath.resume({ roomNid: room.roomNid, stateNid, nodes, size: state.length })
      path.supply(await readChunked(txn, path.missing('all')))
      return { state, extremities, path }
    },
    { readOnly: true },
  )
  return {
    room,
    failed: false,
    state: NumberMap.from(state.map((entry) => [entry.keyNid, entry.eventNid])),
    path,
    extremities: extremities.map(({ json, eventId, ...extremity }) => ({
      ...extremity,
      eventId: parseEventId(eventId),
      pdu: JSON.parse(json) as JsonObject,
    })),
    authEvents: new Map(),
    authNids: new Map(),
  }
}
