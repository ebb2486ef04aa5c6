import assert from 'node:assert/strict'
import type { EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import type { DeactivationListener } from '#users/account-deactivation.ts'
import type { Requester } from '#users/requester.ts'
import { eachEngine } from '../../test/databases.ts'
import { countingDatabase } from '../../test/counting-database.ts'
import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import { ClientEvents, type TextOptions } from './client-events.ts'
import type { Room } from './known-rooms.ts'
import { RoomAccess } from './room-access.ts'
import { Timeline } from './timeline.ts'
import { Visibility } from './visibility.ts'

const alice = someone('alice')
const bob = someone('bob')

async function open(plain: Database) {
  const { database, counted } = countingDatabase(plain)
  const floor = await openRoomsFloor(database)
  const visibility = new Visibility(floor)
  const timeline = new Timeline({ ...floor, visibility })
  const told: DeactivationListener[] = []
  const accountDeactivation = { onDeactivated: (listener: DeactivationListener) => void told.push(listener) }
  const erase = async (requester: Requester): Promise<void> => {
    await database.runInteraction('erase', (txn) =>
      txn.run('INSERT INTO accounts (user_id, created_ts, erased) VALUES (?, 1, 1)', requester.userId),
    )
    for (const listener of told) await listener(requester)
  }
  const clock = { now: () => 1_700_000_100_000, monotonic: () => 0 }
  const roomAccess = new RoomAccess(floor)
  const freshEvents = (): ClientEvents => {
    const clientEvents = new ClientEvents({ ...floor, visibility: new Visibility(floor), accountDeactivation, clock })
    floor.persistEvent.onPersisted((batch) => clientEvents.remember(batch))
    return clientEvents
  }
  const rows = async (room: Room): Promise<EventRow[]> => {
    const access = await roomAccess.read(alice.userId, room.roomId)
    return (await timeline.page(alice.userId, access, { direction: 'forwards', limit: 1000 })).rows
  }
  const newRoom = async (): Promise<Room> => {
    const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
    await floor.membership.join({ requester: bob, room })
    return room
  }
  const say = (room: Room, body: string, more: object = {}): Promise<string> =>
    floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: { body, ...more }, txnId: body })
  return { ...floor, visibility, freshEvents, rows, newRoom, say, counted, erase }
}

const timelineOptions: TextOptions = { requester: bob, format: 'v2WithoutRoomId', bundle: true, membership: true }

eachEngine('the number of queries does not grow with the number of events', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  for (let index = 0; index < 30; index++) {
    const root = await floor.say(room, `root ${index}`)
    const relation = { rel_type: 'm.thread', event_id: root }
    const reply = await floor.say(room, `reply ${index}`, { 'm.relates_to': relation })
    const edits = { rel_type: 'm.replace', event_id: reply }
    await floor.say(room, `edit ${index}`, { 'm.relates_to': edits, 'm.new_content': { body: 'x' } })
  }
  const rows = await floor.rows(room)
  const messages = rows.filter((row) => row.type === 'm.room.message')
  const queriesFor = async (some: readonly EventRow[]): Promise<number> => {
    const clientEvents = floor.freshEvents()
    return floor.counted(async () => {
      assert.equal((await clientEvents.texts(some, timelineOptions)).length, some.length)
    })
  }
  const few = await queriesFor(messages.slice(0, 1))
  const many = await queriesFor(
    Array.from({ length: 1_000 }, (_, index) => messages[index % messages.length] as EventRow),
  )
  assert.ok(many <= few && few <= 8, `${few} interactions for one, ${many} for a thousand`)
})

eachEngine('a hundred readers of one new event ask the database nothing', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  const clientEvents = floor.freshEvents()
  await floor.say(room, 'first')
  const read = async (): Promise<void> => {
    const rows = (await floor.rows(room)).slice(-1)
    const queries = await floor.counted(async () => {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const seen = await floor.visibility.filter(bob.userId, room, rows)
          assert.equal((await clientEvents.texts(seen, { ...timelineOptions, membership: false })).length, 1)
        }),
      )
    })
    lastQueries = queries
  }
  let lastQueries = 0
  await read()
  await floor.say(room, 'second')
  await read()
  assert.equal(lastQueries, 0)
})

eachEngine('what relates to an event is told as soon as it is there, and no longer when it is gone', async (_t, db) => {
  const floor = await open(db)
  const room = await floor.newRoom()
  const clientEvents = floor.freshEvents()
  const root = await floor.say(room, 'root')
  const relationsOf = async (): Promise<Record<string, { event_id?: string; count?: number }> | undefined> => {
    const rows = (await floor.rows(room)).filter((row) => row.eventId === root)
    const [text = ''] = await clientEvents.texts(rows, timelineOptions)
    return JSON.parse(text).unsigned['m.relations']
  }
  assert.equal(await relationsOf(), undefined)
  const replace = { 'm.relates_to': { rel_type: 'm.replace', event_id: root }, 'm.new_content': { body: 'x' } }
  const edit = await floor.say(room, 'edit', replace)
  assert.equal((await relationsOf())?.['m.replace']?.event_id, edit)
  await floor.redact.redact({ requester: alice, room, eventId: edit as never, content: {}, txnId: 'r' })
  assert.equal(await relationsOf(), undefined)
})

eachEngine('what ignored users and those out of sight relate to an event is not told', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  const carol = someone('carol')
  await floor.membership.join({ requester: carol, room })
  const clientEvents = floor.freshEvents()
  const root = await floor.say(room, 'root')
  let sent = 0
  const relate = (requester: typeof bob, relType: string): Promise<string> => {
    const content = { body: 'x', 'm.relates_to': { rel_type: relType, event_id: root } }
    return floor.sendEvent.send({ requester, room, type: 'm.room.message', content, txnId: `t${++sent}` })
  }
  const told = async (requester: typeof bob) => {
    const rows = (await floor.rows(room)).filter((row) => row.eventId === root)
    const [text = ''] = await clientEvents.texts(rows, { ...timelineOptions, requester })
    const relations = JSON.parse(text).unsigned['m.relations'] ?? {}
    const { 'm.thread': thread, 'm.reference': reference } = relations
    const ids = reference?.chunk.map((event: { event_id: string }) => event.event_id) ?? []
    return { count: thread?.count, latest: thread?.latest_event.event_id, took: thread?.current_user_participated, ids }
  }
  const bobsReply = await relate(bob, 'm.thread')
  const bobsReference = await relate(bob, 'm.reference')
  const carolsReply = await relate(carol, 'm.thread')
  const carolsReference = await relate(carol, 'm.reference')
  const whole = { count: 2, latest: carolsReply, took: true, ids: [bobsReference, carolsReference] }
  assert.deepEqual(await told(alice), whole)
  floor.ignoredBy.set(alice.userId, new Set([carol.userId]))
  assert.deepEqual(await told(alice), { count: 1, latest: bobsReply, took: true, ids: [bobsReference] })
  floor.ignoredBy.set(alice.userId, new Set([carol.userId, bob.userId]))
  assert.deepEqual(await told(alice), { count: undefined, latest: undefined, took: undefined, ids: [] })
  assert.deepEqual(await told(bob), whole)
  await floor.membership.leave({ requester: bob, room })
  const after = await relate(carol, 'm.thread')
  assert.equal((await told(carol)).latest, after)
  assert.equal((await told(bob)).latest, undefined, 'who has left is not told how the thread went on')
})

eachEngine('what an erased user wrote is read by those who were there, and by nobody else', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  const root = await floor.say(room, 'root')
  const carol = someone('carol')
  await floor.membership.join({ requester: carol, room })
  await floor.say(room, 'reply', { 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  const clientEvents = floor.freshEvents()
  const told = async (requester: typeof bob) => {
    const rows = (await floor.rows(room)).filter((row) => row.eventId === root)
    const [text = ''] = await clientEvents.texts(rows, { ...timelineOptions, requester })
    const { content, unsigned } = JSON.parse(text)
    assert.equal('redacted_because' in unsigned, false)
    return [content.body, unsigned['m.relations']?.['m.thread'].latest_event.content.body]
  }
  assert.deepEqual(await told(carol), ['root', 'reply'])
  await floor.erase(alice)
  assert.deepEqual(await told(bob), ['root', 'reply'])
  assert.deepEqual(await told(carol), [undefined, 'reply'])
  assert.deepEqual(await told(someone('dave')), [undefined, undefined])
})

eachEngine('only an edit by the same sender, of the same type and with new content is told', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  const root = await floor.say(room, 'root')
  const reply = await floor.say(room, 'reply', { 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  const editOf = (eventId: string): object => ({
    'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
    'm.new_content': { body: 'x' },
  })
  const relationsOf = async (eventId: string) => {
    const rows = (await floor.rows(room)).filter((row) => row.eventId === eventId)
    const [text = ''] = await floor.freshEvents().texts(rows, timelineOptions)
    return JSON.parse(text).unsigned['m.relations'] ?? {}
  }
  const send = (requester: typeof alice, type: string, content: object, txnId: string): Promise<string> =>
    floor.sendEvent.send({ requester, room, type, content: content as never, txnId })
  await send(bob, 'm.room.message', editOf(root), 'by another')
  await send(alice, 'org.example.other', editOf(root), 'of another type')
  await floor.say(room, 'without new content', { 'm.relates_to': { rel_type: 'm.replace', event_id: root } })
  assert.equal('m.replace' in (await relationsOf(root)), false)
  const edit = await floor.say(room, 'edit', editOf(root))
  await floor.say(room, 'edit of the edit', editOf(edit))
  assert.equal((await relationsOf(root))['m.replace'].event_id, edit)
  assert.deepEqual(await relationsOf(edit), {})
  await floor.redact.redact({ requester: alice, room, eventId: root as never, content: {}, txnId: 'r' })
  const left = await relationsOf(root)
  assert.deepEqual(Object.keys(left), ['m.thread'], 'a redacted event is not edited, and its thread goes on')
  assert.equal(left['m.thread'].latest_event.event_id, reply)
})

eachEngine('the age is what has passed, and every format keeps what it promises', async (_t, database) => {
  const floor = await open(database)
  const room = await floor.newRoom()
  await floor.say(room, 'hello')
  const [row] = (await floor.rows(room)).slice(-1)
  assert.ok(row)
  const clientEvents = floor.freshEvents()
  const read = async (options: Partial<TextOptions>): Promise<Record<string, unknown>> => {
    const [text = ''] = await clientEvents.texts([row], { ...timelineOptions, requester: alice, ...options })
    return JSON.parse(text)
  }
  const event = await read({})
  assert.deepEqual(event['unsigned'], {
    age: 1_700_000_100_000 - row.originServerTs,
    membership: 'join',
    transaction_id: 'hello',
  })
  assert.equal('room_id' in event, false)
  const raw = await read({ format: 'raw' })
  assert.deepEqual({ ...JSON.parse(row.json), event_id: row.eventId, unsigned: raw['unsigned'] }, raw)
  const other = await read({ requester: { ...alice, deviceId: 'OTHER' } })
  assert.equal('transaction_id' in (other['unsigned'] as object), false)
})

eachEngine(
  'a reader is told what they were at each event of a timeline, and nothing of that in a state',
  async (_t, db) => {
    const floor = await open(db)
    const room = await floor.newRoom()
    await floor.say(room, 'while there')
    await floor.membership.leave({ requester: bob, room })
    await floor.say(room, 'after that')
    const rows = await floor.rows(room)
    const told = async (requester: typeof bob, membership: boolean): Promise<unknown[]> => {
      const texts = await floor.freshEvents().texts(rows, { ...timelineOptions, requester, membership })
      return texts.map((text) => JSON.parse(text).unsigned.membership)
    }
    const bobs = await told(bob, true)
    const joins = rows.findIndex(
      (row) => row.type === 'm.room.member' && row.json.includes(`"state_key":"${bob.userId}"`),
    )
    assert.deepEqual(new Set(bobs.slice(0, joins)), new Set(['leave']), 'before they came')
    assert.deepEqual(
      bobs.slice(joins),
      ['join', 'join', 'leave', 'leave'],
      'their own events say what they made of them',
    )
    assert.deepEqual(new Set(await told(someone('stranger'), true)), new Set(['leave']))
    assert.deepEqual(new Set(await told(bob, false)), new Set([undefined]))
  },
)
