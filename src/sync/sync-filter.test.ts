import assert from 'node:assert/strict'
import { eachEngine } from '../../test/databases.ts'
import { someone } from '../../test/rooms-floor.ts'
import { openSyncFloor, type ToldEvent } from '../../test/sync-floor.ts'

const [alice, bob] = [someone('alice'), someone('bob')]

eachEngine('a timeline is filtered by what relates to its events, and by what they are not', async (_t, database) => {
  const floor = await openSyncFloor(database)
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  await floor.membership.join({ requester: bob, room })
  const before = await floor.answer(alice)
  let sent = 0
  const send = (requester: typeof alice, type: string, relates?: Readonly<Record<string, string>>): Promise<string> => {
    const content = { body: String(++sent), ...(relates === undefined ? {} : { 'm.relates_to': relates }) }
    return floor.sendEvent.send({ requester, room, type, content, txnId: `t${sent}` })
  }
  const first = await send(alice, 'm.room.message')
  const second = await send(alice, 'm.room.message')
  const third = await send(alice, 'org.example.other')
  const reply = await send(bob, 'm.room.message', { rel_type: 'm.thread', event_id: first })
  const own = await send(alice, 'm.room.message', { rel_type: 'm.thread', event_id: second })
  const reference = await send(bob, 'org.example.other', { rel_type: 'm.reference', event_id: third })
  const found = async (timeline: object, since?: string): Promise<string[]> => {
    const answer = await floor.answer(alice, { since, filter: { room: { timeline } } })
    const events: ToldEvent[] = answer.rooms?.join?.[room.roomId]?.timeline.events ?? []
    return events.map((event) => event.event_id ?? '')
  }
  for (const since of [undefined, before.next_batch]) {
    assert.deepEqual(await found({ related_by_rel_types: ['m.thread'] }, since), [first, second])
    assert.deepEqual(await found({ related_by_senders: [bob.userId] }, since), [first, third])
    const both = { related_by_senders: [bob.userId], related_by_rel_types: ['m.reference'] }
    assert.deepEqual(await found(both, since), [third])
    assert.deepEqual(await found({ related_by_senders: ['@nobody:test.example'] }, since), [])
    const notMessages = { not_types: ['m.room.*'], related_by_rel_types: ['m.thread', 'm.reference'] }
    assert.deepEqual(await found(notMessages, since), [third])
    assert.deepEqual(await found({ not_types: ['m.room.*'] }, since), [third, reference])
    assert.deepEqual(await found({ not_types: ['*'] }, since), [])
    const newest = { related_by_rel_types: ['m.thread'], limit: 1 }
    assert.deepEqual(await found(newest, since), [second], 'an older one is looked for behind those not wanted')
    assert.deepEqual(await found({ types: ['m.room.message'], not_types: ['m.room.message'] }, since), [])
  }
  assert.deepEqual(await found({ types: ['m.room.message'], not_senders: [bob.userId] }, before.next_batch), [
    first,
    second,
    own,
  ])
  await floor.redact.redact({ requester: bob, room, eventId: reply as never, content: {} })
  assert.deepEqual(await found({ related_by_senders: [bob.userId] }, before.next_batch), [third])
})
