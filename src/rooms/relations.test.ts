import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseEventId, type EventId } from '#protocol/identifiers.ts'
import { insertEvents } from '#storage/events.ts'
import { insertRelations } from '#storage/relations.ts'

import { eachEngine } from '../../test/databases.ts'
import { aRow } from '../../test/event-rows.ts'
import { openReadingFloor } from '../../test/received-room.ts'
import { someone } from '../../test/rooms-floor.ts'
import { relationOf } from './persist-event/relation.ts'
import { Relations } from './relations.ts'
import { parseTimelineToken, printTimelineToken, tokenAtMoment, type TimelineToken } from './timeline-token.ts'

/** More than are looked at for one page. */
const manyReplies = 2_050

eachEngine('who reads on from a moment is told what came after it, however much came before', async (_t, database) => {
  const floor = await openReadingFloor(database)
  const relations = new Relations(floor)
  const alice = someone('alice')
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  const say = (content: object): Promise<EventId> =>
    floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: { ...content } })
  const rootId = await say({ body: 'root' })
  const { event: root } = await floor.eventContext.event(alice.userId, room.roomId, rootId)
  const reply = { 'm.relates_to': { rel_type: 'm.thread', event_id: rootId } }
  const reservation = await floor.streams.events.reserve(manyReplies)
  const rows = Array.from({ length: manyReplies }, (_, index) => {
    const [eventNid, streamPosition] = [1_000_000 + index, reservation.first + index]
    return aRow({ ...root, eventNid, eventId: `$old${index}`, streamPosition, deviceId: null, txnId: null })
  })
  await database.runInteraction('fill', async (txn) => {
    await insertEvents(txn, rows)
    await insertRelations(
      txn,
      rows.flatMap((row) => relationOf(row, reply) ?? []),
    )
  })
  floor.streams.events.publish(reservation, { rooms: [room.roomNid] })
  const moment = floor.streams.events.position
  const later = [await say(reply), await say(reply), await say(reply)]
  for (const recurse of [false, true]) {
    const found: EventId[] = []
    let pages = 0
    for (let from: TimelineToken | undefined = tokenAtMoment(moment); from !== undefined; pages++) {
      const request = { direction: 'forwards', limit: 2, recurse, from } as const
      const page = await relations.page(alice.userId, { roomId: room.roomId, eventId: rootId }, request)
      found.push(...page.rows.map((row) => parseEventId(row.eventId)))
      from = page.nextBatch === undefined ? undefined : parseTimelineToken(printTimelineToken(page.nextBatch))
    }
    assert.deepEqual(found, later)
    assert.ok(pages >= 3, 'the first page found nothing among those that it may look at')
  }
})

test('an event that names itself relates to nothing', () => {
  const relation = { 'm.relates_to': { rel_type: 'm.reference', event_id: '$one' } }
  assert.equal(relationOf(aRow({ eventId: '$one' }), relation), undefined)
  assert.equal(relationOf(aRow({ eventId: '$two' }), relation)?.relatesTo, '$one')
})
