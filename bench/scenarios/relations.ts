import { parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { Visibility } from '#rooms/visibility.ts'
import { eventsByIds, insertEvents, type EventRow } from '#storage/events.ts'
import { insertRelations, relatedEvents } from '#storage/relations.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'

import { relationOf } from '../../src/rooms/persist-event/relation.ts'
import { aRow } from '../../test/event-rows.ts'
import { openRoomsFloor, someone, testServerName } from '../../test/rooms-floor.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
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
/** Replies in a page of a thread. */
const pageEvents = 50
const sends = 100

const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')]

type Kind = 'm.thread' | 'm.replace' | 'm.reference'

/** Numbers of events, far from where the rooms' own events are numbered. */
let nextNid = 10_000_000

/** A root, and what relates to it. */
async function rootWith(floor: RoomsFloor, room: Room, relType: Kind, count: number): Promise<EventRow> {
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

interface Compared {
  readonly manyMs: number
  readonly ratio: number
}

/** Median milliseconds of work with the second, and how many times that of the first it is; both in turn. */
async function compared(
  [few, many]: readonly [EventRow, EventRow],
  count: number,
  work: (root: EventRow) => Promise<void>,
): Promise<Compared> {
  const latencies: { readonly few: number[]; readonly many: number[] } = { few: [], many: [] }
  for (let index = -20; index < count; index++) {
    for (const [of, root] of [
      ['few', few],
      ['many', many],
    ] as const) {
      const before = performance.now()
      await work(root)
      if (index >= 0) latencies[of].push(performance.now() - before)
    }
  }
  const manyMs = percentiles(latencies.many).p50Ms
  return { manyMs, ratio: manyMs / percentiles(latencies.few).p50Ms }
}

/** Makes the text of an event for somebody of whom nothing is in memory. */
function preparing(floor: RoomsFloor, requester: Requester): (root: EventRow) => Promise<void> {
  const clock = { now: () => 1_800_000_000_000, monotonic: () => 0 }
  const accountDeactivation = { onDeactivated: () => undefined }
  return async (root) => {
    const clientEvents = new ClientEvents({ ...floor, visibility: new Visibility(floor), accountDeactivation, clock })
    const [text = ''] = await clientEvents.texts([root], { requester, format: 'v2WithoutRoomId', bundle: true })
    if (!text.includes('"m.relations":{')) throw new Error('nothing relates to the event')
  }
}

/** Reads the newest page of a thread. */
function paging(floor: RoomsFloor, room: Room): (root: EventRow) => Promise<void> {
  const end = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }
  const range = {
    ...{ roomNid: room.roomNid, relType: 'm.thread', type: undefined, depth: 1, direction: 'backwards' as const },
    ...{
      from: end,
      until: { topological: -1, stream: -1 },
      arrivedAfter: -1,
      arrivedBy: end.stream,
      limit: pageEvents,
    },
  }
  return async ({ eventId }) => {
    const read = (txn: Transaction): Promise<EventRow[]> => relatedEvents(txn, { ...range, eventId })
    const page = await floor.database.runInteraction('bench_page', read, { readOnly: true })
    if (page.length !== pageEvents) throw new Error(`a page of ${pageEvents} has ${page.length}`)
  }
}

/** Replies in a thread. */
function replying(floor: RoomsFloor, room: Room): (root: EventRow) => Promise<void> {
  return async (root) => {
    const content = { body: 'yes', 'm.relates_to': { rel_type: 'm.thread', event_id: root.eventId } }
    await floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content })
  }
}

async function run(place: DatabasePlace): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  floor.ignoredBy.set(carol.userId, new Set([0, 1, 2].map((one) => parseUserId(`@writer-${one}:${testServerName}`))))
  const room = await aRoom(floor)
  for (const requester of [bob, carol]) await floor.membership.join({ requester, room })
  const roots = async (relType: Kind, few: number, many: number) =>
    [await rootWith(floor, room, relType, few), await rootWith(floor, room, relType, many)] as const
  const threads = await roots('m.thread', fewReplies, manyReplies)
  const edited = await roots('m.replace', fewEdits, manyEdits)
  const referred = await roots('m.reference', fewReferences, manyReferences)
  const thread = await compared(threads, samples, preparing(floor, bob))
  const ignoring = await compared(threads, samples, preparing(floor, carol))
  const edits = await compared(edited, samples, preparing(floor, bob))
  const references = await compared(referred, samples, preparing(floor, bob))
  const page = await compared(threads, samples, paging(floor, room))
  const reply = await compared(threads, sends, replying(floor, room))
  await database.close()
  return {
    ...{ threadMs: thread.manyMs, threadRatio: thread.ratio, ignoringRatio: ignoring.ratio },
    ...{ editsMs: edits.manyMs, editsRatio: edits.ratio, referencesMs: references.manyMs },
    ...{ referencesRatio: references.ratio, pageMs: page.manyMs, pageRatio: page.ratio },
    ...{ replyMs: reply.manyMs, replyRatio: reply.ratio },
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
      pageRatio: { max: 1.5 },
      replyRatio: { max: 1.5 },
    },
    run,
  },
]
