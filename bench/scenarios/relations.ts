import { parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { ClientEvents } from '#rooms/client-events.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { Visibility } from '#rooms/visibility.ts'
import { eventsByIds, insertEvents, type EventRow } from '#storage/events.ts'
import { relatedEvents, type RelatedPage } from '#storage/related-events.ts'
import { insertRelations } from '#storage/relations.ts'
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
/** Of so many replies one has a reaction. */
const repliesToReaction = 10
/** Replies in a page of a thread, and relations looked at for it at most. */
const pageEvents = 50
const lookedMax = 2_000
const sends = 100

const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')]

type Kind = 'm.thread' | 'm.replace' | 'm.reference'

/** Numbers of events, far from where the rooms' own events are numbered. */
let nextNid = 10_000_000

/** A root, and what relates to it; of replies some have reactions. */
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
    const reservation = await floor.streams.events.reserve(size + Math.ceil(size / repliesToReaction))
    const replies = Array.from({ length: size }, (_, index) => {
      const { roomNid, topological, stateBefore, stateAfter, originServerTs } = root
      return aRow({
        ...{ eventNid: nextNid++, roomNid, stateBefore, stateAfter, topological: topological + written + index },
        senderNid: senders[(written + index) % senders.length] ?? root.senderNid,
        streamPosition: reservation.first + index,
        originServerTs: originServerTs + written + index,
        json: JSON.stringify({ content, sender: people[0], type: 'm.room.message' }),
      })
    })
    const reactions = relType === 'm.thread' ? reactionsTo(replies, reservation.first + size) : []
    await floor.database.runInteraction('fill', async (txn) => {
      await insertEvents(txn, [...replies, ...reactions])
      const relations = [...replies, ...reactions].flatMap((row) => relationOf(row, contentOf(row)) ?? [])
      await insertRelations(txn, relations)
    })
    floor.streams.events.publish(reservation, { rooms: [room.roomNid] })
  }
  return root
}

/** A reaction to each of some replies. */
function reactionsTo(replies: readonly EventRow[], firstPosition: number): EventRow[] {
  return replies
    .filter((_, index) => index % repliesToReaction === 0)
    .map((reply, index) => {
      const relation = { rel_type: 'm.annotation', event_id: reply.eventId, key: 'yes' }
      const json = JSON.stringify({ content: { 'm.relates_to': relation }, type: 'm.reaction' })
      const eventNid = nextNid++
      const streamPosition = firstPosition + index
      return aRow({ ...reply, eventNid, eventId: `$event${eventNid}`, type: 'm.reaction', streamPosition, json })
    })
}

function contentOf(row: EventRow): JsonObject {
  return (JSON.parse(row.json) as { content: JsonObject }).content
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

/** Reads the newest page of what relates to an event: of one kind, or of any, and in turn. */
function paging(
  floor: RoomsFloor,
  room: Room,
  wanted: { readonly relType: string | undefined; readonly recurse: boolean },
): (root: EventRow) => Promise<void> {
  const end = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }
  const range = {
    ...{ ...wanted, roomNid: room.roomNid, type: undefined, direction: 'backwards' as const },
    ...{ from: end, until: { topological: -1, stream: -1 }, arrivedAfter: -1, arrivedBy: end.stream },
    ...{ limit: pageEvents, lookedMax },
  }
  return async ({ eventId }) => {
    const read = (txn: Transaction): Promise<RelatedPage> => relatedEvents(txn, { ...range, eventId })
    const { rows } = await floor.database.runInteraction('bench_page', read, { readOnly: true })
    if (rows.length !== pageEvents) throw new Error(`a page of ${pageEvents} has ${rows.length}`)
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
  const page = await compared(threads, samples, paging(floor, room, { relType: 'm.thread', recurse: false }))
  const anyKind = await compared(threads, samples, paging(floor, room, { relType: undefined, recurse: false }))
  const inTurn = await compared(threads, samples, paging(floor, room, { relType: undefined, recurse: true }))
  const reply = await compared(threads, sends, replying(floor, room))
  await database.close()
  return {
    ...{ threadMs: thread.manyMs, threadRatio: thread.ratio, ignoringRatio: ignoring.ratio },
    ...{ editsMs: edits.manyMs, editsRatio: edits.ratio, referencesMs: references.manyMs },
    ...{ referencesRatio: references.ratio, pageMs: page.manyMs, pageRatio: page.ratio },
    ...{ anyKindPageMs: anyKind.manyMs, anyKindPageRatio: anyKind.ratio },
    ...{ recursivePageMs: inTurn.manyMs, recursivePageRatio: inTurn.ratio },
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
      anyKindPageRatio: { max: 1.5 },
      recursivePageRatio: { max: 1.5 },
      replyRatio: { max: 1.5 },
    },
    run,
  },
]
