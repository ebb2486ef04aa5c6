/** Rooms in which people have something unread, for the tests of counts. */
import assert from 'node:assert/strict'
import type { EventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { Requester } from '#users/requester.ts'
import { someone } from './rooms-floor.ts'
import { openSyncFloor, type SyncFloor, type TestSync } from './sync-floor.ts'

export const alice = someone('alice')
export const bob = someone('bob')
export const carol = someone('carol')
export const byThread = { room: { timeline: { unread_thread_notifications: true } } }

/** A room of alice's in which bob and carol are. */
export async function aRoom(floor: SyncFloor): Promise<Room> {
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  for (const requester of [bob, carol]) await floor.membership.join({ requester, room })
  return room
}

let sent = 0

export function send(floor: SyncFloor, requester: Requester, room: Room, content: JsonObject, type = 'm.room.message') {
  return floor.sendEvent.send({ requester, room, type, content, txnId: `t${++sent}` })
}

export function say(floor: SyncFloor, requester: Requester, room: Room, more: JsonObject = {}): Promise<EventId> {
  return send(floor, requester, room, { msgtype: 'm.text', body: 'hello', ...more })
}

export function inThread(rootId: string): JsonObject {
  return { 'm.relates_to': { rel_type: 'm.thread', event_id: rootId } }
}

export async function read(
  floor: SyncFloor,
  requester: Requester,
  room: Room,
  upTo: { readonly eventId: string; readonly threadId?: string; readonly type?: 'm.read' | 'm.read.private' },
): Promise<void> {
  const [event] = await floor.database.runInteraction('test_event', (txn) =>
    txn.all<{ eventNid: number }>('SELECT event_nid AS "eventNid" FROM events WHERE event_id = ?', upTo.eventId),
  )
  const [row] = await floor.roomState.events([event?.eventNid ?? 0])
  assert.ok(row)
  await floor.receipts.set(requester.userId, room, [
    { type: upTo.type ?? 'm.read', event: row, threadId: upTo.threadId },
  ])
}

/** What a first sync says is unread: `[notifications, highlights]` of the room, or of main and then each thread. */
export async function unread(
  floor: SyncFloor,
  requester: Requester,
  room: Room,
  query: TestSync = {},
): Promise<unknown> {
  const answer = await floor.answer(requester, query)
  return countsIn(answer, room)
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function countsIn(answer: any, room: Room): unknown {
  const joined = answer.rooms?.join?.[room.roomId]
  if (joined === undefined) return undefined
  const pair = (counts: { notification_count: number; highlight_count: number }) => [
    counts.notification_count,
    counts.highlight_count,
  ]
  const threads = joined.unread_thread_notifications as Record<string, never> | undefined
  if (threads === undefined) return pair(joined.unread_notifications)
  return [
    pair(joined.unread_notifications),
    Object.fromEntries(Object.entries(threads).map(([id, c]) => [id, pair(c)])),
  ]
}

/** The same, as somebody finds it whose server has just started. */
export async function unreadAfterStart(floor: SyncFloor, requester: Requester, room: Room, query: TestSync = {}) {
  const before = await unread(floor, requester, room, query)
  const fresh = await openSyncFloor(floor.database)
  // It only looks: the counters are the other server's to move.
  await fresh.unreadCounts.close()
  assert.deepEqual(await unread(fresh, requester, room, query), before, 'after a restart')
  return before
}
