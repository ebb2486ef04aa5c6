/** What `torn-write.test.ts` and the process that it kills both have to know. */
import type { Event } from '#protocol/event.ts'
import type { BackgroundMigration } from '#storage/background-migrations.ts'
import type { Migration } from '#storage/migrations.ts'

import { aPublicRoom, type RoomGraph } from './room-graph.ts'
import type { openRoomsFloor } from './rooms-floor.ts'

/** Events of smaller depth go in a purge of history. */
export const purgeDepth = 30
/** The number of the room that others' events are received in. */
export const graphRoomNid = 2_000_000

const words: Migration = {
  name: '9001-words',
  statements: [`CREATE TABLE words (id INTEGER NOT NULL PRIMARY KEY, word TEXT NOT NULL)`],
}
const kept: Migration = {
  name: '9002-kept',
  statements: [`CREATE TABLE kept (id INTEGER NOT NULL PRIMARY KEY, word TEXT NOT NULL)`],
  hasBackground: true,
}
/** Migrations with a background part for tests. */
export const wordMigrations: readonly [Migration, Migration] = [words, kept]

/** Copies words, a few in each step. */
export const keptWords: BackgroundMigration = {
  name: kept.name,
  step: async (txn, { progress }) => {
    const rows = await txn.all<{ id: number; word: string }>(
      `SELECT id, word FROM words WHERE id > ? ORDER BY id LIMIT 5`,
      Number(progress ?? 0),
    )
    await txn.runMany(
      `INSERT INTO kept (id, word) VALUES (?, ?)`,
      rows.map(({ id, word }) => [id, word]),
    )
    const last = rows.at(-1)
    return last === undefined ? 'done' : { progress: String(last.id), share: 0.5 }
  },
}

/** A room of others' with two forks that meet again, a ban, and an event that comes before the one it follows. */
export function forkedGraph(): RoomGraph {
  const graph = aPublicRoom('11')
  const topic = { sender: '@alice:a', type: 'm.room.topic', stateKey: '' }
  graph.add('left', { ...topic, content: { topic: 'left' }, after: ['start'] })
  graph.add('right', { ...topic, content: { topic: 'right' }, after: ['start'] })
  graph.add('both', { sender: '@bob:a', after: ['left', 'right'] })
  const ban = { sender: '@alice:a', type: 'm.room.member', stateKey: '@bob:a' }
  graph.add('ban', { ...ban, content: { membership: 'ban' } })
  graph.add('forbidden', { sender: '@bob:a', after: ['ban'] })
  graph.add('first', { sender: '@charlie:a', after: ['ban'] })
  graph.add('second', { sender: '@charlie:a' })
  return graph
}

/** Receives the events of a graph, the last two the wrong way around; gives the id of each that was taken in. */
export async function* receiveGraph(
  floor: Awaited<ReturnType<typeof openRoomsFloor>>,
  graph: RoomGraph,
): AsyncGenerator<string> {
  const events = [...graph.events.values()]
  const [create] = events
  if (create === undefined) return
  const room = { roomNid: graphRoomNid, roomId: create.roomId, version: graph.rules }
  for (const event of [...events.slice(0, -2), ...events.slice(-2).reverse()]) {
    await floor.receiveEvent.receive(room, { event, text: textOf(event) })
    yield event.eventId
  }
}

/** An event of a graph as the text it came as. */
export function textOf(event: Event): string {
  return JSON.stringify({
    ...{ auth_events: event.authEvents, content: event.content, depth: event.depth },
    ...{ origin_server_ts: event.originServerTs, prev_events: event.prevEvents, room_id: event.roomId },
    ...{ sender: event.sender, type: event.type, state_key: event.stateKey },
  })
}
