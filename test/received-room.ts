import assert from 'node:assert/strict'

import type { Event } from '#protocol/event.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import { EventContext } from '#rooms/event-context.ts'
import { Members } from '#rooms/members.ts'
import type { Outcome } from '#rooms/receive-event.ts'
import { RoomAccess } from '#rooms/room-access.ts'
import { RoomStates } from '#rooms/room-states.ts'
import { Timeline } from '#rooms/timeline.ts'
import { Visibility } from '#rooms/visibility.ts'
import { eventsByIds, type EventRow } from '#storage/events.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'
import type { DeactivationListener } from '#users/account-deactivation.ts'

import type { RoomGraph } from './room-graph.ts'
import { openRoomsFloor } from './rooms-floor.ts'

/** Everything that rooms are written and read with, as the server builds it. */
export async function openReadingFloor(database: Database) {
  const floor = await openRoomsFloor(database)
  const visibility = new Visibility(floor)
  const timeline = new Timeline({ ...floor, visibility })
  const told: DeactivationListener[] = []
  const accountDeactivation = { onDeactivated: (listener: DeactivationListener) => void told.push(listener) }
  const clock = { now: () => 1_700_000_100_000, monotonic: () => 0 }
  const clientEvents = new ClientEvents({ ...floor, visibility, accountDeactivation, clock })
  floor.persistEvent.onPersisted((batch) => {
    timeline.remember(batch)
    clientEvents.remember(batch)
  })
  const roomAccess = new RoomAccess(floor)
  const roomStates = new RoomStates(floor)
  const members = new Members({ ...floor, roomStates })
  const eventContext = new EventContext({ ...floor, roomAccess, visibility, timeline, members })
  const erase = async (userId: UserId): Promise<void> => {
    await database.runInteraction('erase', (txn) =>
      txn.run('INSERT INTO accounts (user_id, created_ts, erased) VALUES (?, 1, 1)', userId),
    )
    for (const listener of told) await listener({ userId, deviceId: 'D', isAdmin: false, isGuest: false })
  }
  return { ...floor, visibility, timeline, clientEvents, roomAccess, roomStates, members, eventContext, erase }
}

/** A room whose events come from a graph, one by one, as from other servers. Nothing has come yet. */
export async function aReceivedRoom(database: Database, graph: RoomGraph) {
  const [create] = graph.events.values()
  assert.ok(create)
  const room = { roomNid: 1, roomId: create.roomId, version: graph.rules }
  const row = { roomNid: 1, roomId: create.roomId, version: graph.rules.version, createdTs: 1, published: false }
  await database.runInteraction('insert_room', (txn) => insertRoom(txn, row))
  const floor = await openReadingFloor(database)
  const receive = (event: Event, options?: Parameters<typeof floor.receiveEvent.receive>[2]): Promise<Outcome> =>
    floor.receiveEvent.receive(room, { event, text: graph.textOf(event) }, options)
  /** Takes in all events of the graph in their order, but for those named. */
  const receiveAllBut = async (...names: readonly string[]): Promise<void> => {
    for (const event of graph.events.values()) if (!names.includes(nameOf(event.eventId))) await receive(event)
  }
  const byName = async (name: string): Promise<EventRow | undefined> => {
    const [found] = await database.runInteraction('row', (txn) => eventsByIds(txn, 1, [`$${name}:a`]))
    return found
  }
  /** The names of what somebody may see of the events that arrived after a position, by arrival; from memory if it is there. */
  const arrivals = async (userId: UserId, after = 0): Promise<string[]> => {
    const upTo = floor.streams.events.position
    const { rows } = await floor.timeline.recent(room, { after, upTo, limit: 1_000 })
    return (await floor.visibility.filter(userId, room, rows)).map((each) => nameOf(each.eventId))
  }
  /** An event as somebody's client is told of it. */
  const told = async (userId: UserId, name: string): Promise<JsonObject> => {
    const { event } = await floor.eventContext.event(userId, room.roomId, parseEventId(`$${name}:a`))
    const requester = { userId, deviceId: 'D', isAdmin: false, isGuest: false }
    const [text = ''] = await floor.clientEvents.texts([event], { requester, format: 'v1', bundle: true })
    return JSON.parse(text) as JsonObject
  }
  return { ...floor, room, receive, receiveAllBut, byName, arrivals, told }
}

/** The name that a graph has for an event. */
export function nameOf(eventId: string): string {
  return eventId.slice(1, -2)
}
