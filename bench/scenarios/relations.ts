import { parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { Visibility } from '#rooms/visibility.ts'
import { eventsByIds, insertEvents, type EventRow } from '#storage/events.ts'
import { insertRelations } from '#storage/relations.ts'

import { relationOf } from '../../src/rooms/persist-event/relation.ts'
import { aRow } from '../../test/event-rows.ts'
import { openRoomsFloor, someone, testServerName } from '../../test/rooms-floor.ts'
import { type DatabasePlace, type DatabaseScenario } from '../kit/database-place.ts'
import { percentiles, type Figures } from '../kit/measure.ts'
import { aRoom, type RoomsFloor } from '../kit/room-load.ts'

const fewReplies = 100
const manyReplies = 100_000
const fewEdits = 10
const manyEdits = 10_000
/** More than an answer names, so that both answers are as long. */
const fewReferences = 1_000
const manyReferences = 100_000
/** People who write in a thread in turn. */
const writers = 200
const writtenAtOnce = 1_000
const samples = 200
const sends = 100

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => someone(name))

type Kind = 'm.thread' | 'm.replace' | 'm.reference'

/** Numbers of events, far from where the rooms' own events are numbered. */
let nextNid = 10_000_000

/** A root, and what relates to it. */
async function rootWith(floor: RoomsFloor, room: Room, relType: Kind, count: number): Promise<EventRow> {
  if (alice === undefined) throw new Error('nobody is there')
  const eventId = await floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: {} })
  const read = (ids: readonly string[]) =>
    floor.database.runInteraction('root', (txn) => eventsByIds(txn, room.roomNid, ids), { readOnly: true })
  const [root] = await read([eventId])
  if (root === undefined) throw new Error('the root is lost')
  const people = Array.from({ length: writers }, (_, index) => parseUserId(`@writer-${index}:${testServerName}`))
  const senders = relType === 'm.replace' ? [root.senderNid] : [...(await floor.interned.userNids(people)).values()]
  const content: JsonObject = { 'm.new_content': {}, 'm.relates_to': { rel_type: relType, event_id: eventId } }
  for (let written = 0; written < count; written += writtenAtOnce) {
    const size = Math.min(writtenAtOnce, count - written)
    const reservation = await floor.streams.events.reserve(size)
    const rows = Array.from({ length: size }, (_, index) => {
      const { roomNid, topological, stateBefore, stateAfter, originServerTs } = root
      return aRow({
        ...{ eventNid: nextNid++, roomNid, stateBefore, stateAfter, topological: topological + written + index },
        senderNid: senders[(written + index) % senders.length] ?? root.senderNid,
        streamPosition: reservation.first + index,
        originServerTs: originServerTs + written + index,
        json: JSON.stringify({ content, sender: people[0], type: 'm.room.message' }),
      })
    })
    await floor.database.runInteraction('fill', async (txn) => {
      await insertEvents(txn, rows)
      await insertRelations(
        txn,
        rows.flatMap((row) => relationOf(row, content) ?? []),
      )
    })
    floor.streams.events.publish(reservation, { rooms: [room.roomNid] })
  }
  return root
}

/** Median milliseconds until the text of an event is made for somebody who has nothing of it in memory. */
async function preparing(floor: RoomsFloor, root: EventRow, requester = bob): Promise<number> {
  if (requester === undefined) throw new Error('nobody is there')
  const clock = { now: () => 1_800_000_000_000, monotonic: () => 0 }
  const accountDeactivation = { onDeactivated: () => undefined }
  const latencies: number[] = []
  for (let index = -20; index < samples; index++) {
    const clientEvents = new ClientEvents({ ...floor, visibility: new Visibility(floor), accountDeactivation, clock })
    const before = performance.now()
    const [text = ''] = await clientEvents.texts([root], { requester, format: 'v2WithoutRoomId', bundle: true })
    if (index >= 0) latencies.push(performance.now() - before)
    if (!text.includes('"m.relations":{')) throw new Error('nothing relates to the event')
  }
  return percentiles(latencies).p50Ms
}

/** Median milliseconds of a reply in a thread. */
async function replying(floor: RoomsFloor, room: Room, root: EventRow): Promise<number> {
  if (alice === undefined) throw new Error('nobody is there')
  const latencies: number[] = []
  for (let index = -10; index < sends; index++) {
    const content = { body: 'yes', 'm.relates_to': { rel_type: 'm.thread', event_id: root.eventId } }
    const before = performance.now()
    await floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content })
    if (index >= 0) latencies.push(performance.now() - before)
  }
  return percentiles(latencies).p50Ms
}

async function run(place: DatabasePlace): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  if (bob === undefined || carol === undefined) throw new Error('nobody is there')
  floor.ignoredBy.set(carol.userId, new Set([0, 1, 2].map((one) => parseUserId(`@writer-${one}:${testServerName}`))))
  const room = await aRoom(floor)
  for (const requester of [bob, carol]) await floor.membership.join({ requester, room })
  const fill = async (replies: number, edits: number, references: number) => ({
    thread: await rootWith(floor, room, 'm.thread', replies),
    edited: await rootWith(floor, room, 'm.replace', edits),
    referred: await rootWith(floor, room, 'm.reference', references),
  })
  const few = await fill(fewReplies, fewEdits, fewReferences)
  const many = await fill(manyReplies, manyEdits, manyReferences)
  const ratio = async (of: 'thread' | 'edited' | 'referred', requester = bob) => {
    const first = await preparing(floor, few[of], requester)
    return [await preparing(floor, many[of], requester), first] as const
  }
  const [thread, threadOfFew] = await ratio('thread')
  const [ignoring, ignoringOfFew] = await ratio('thread', carol)
  const [edited, editedOfFew] = await ratio('edited')
  const [referred, referredOfFew] = await ratio('referred')
  const sentOfFew = await replying(floor, room, few.thread)
  const sent = await replying(floor, room, many.thread)
  await database.close()
  return {
    threadMs: thread,
    threadRatio: thread / threadOfFew,
    ignoringRatio: ignoring / ignoringOfFew,
    editsMs: edited,
    editsRatio: edited / editedOfFew,
    referencesMs: referred,
    referencesRatio: referred / referredOfFew,
    replyMs: sent,
    replyRatio: sent / sentOfFew,
  }
}

/** Long threads, events edited and named often: preparing one costs what a short one costs. */
export const relationScenarios: readonly DatabaseScenario[] = [
  {
    name: 'relations',
    about: `${manyReplies} replies for ${fewReplies}, ${manyEdits} edits for ${fewEdits}`,
    targets: {
      threadRatio: { max: 1.5 },
      ignoringRatio: { max: 1.5 },
      editsRatio: { max: 1.5 },
      referencesRatio: { max: 1.5 },
      replyRatio: { max: 1.5 },
    },
    run,
  },
]
