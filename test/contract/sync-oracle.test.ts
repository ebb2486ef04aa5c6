import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from '#protocol/errors.ts'
import { parseEventId } from '#protocol/identifiers.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { Requester } from '#users/requester.ts'
import { eachEngine, testDatabase, type Engine } from '../databases.ts'
import { someone } from '../rooms-floor.ts'
import { SyncClient, type ClientStyle } from '../sync-client.ts'
import { openSyncFloor, type SyncFloor } from '../sync-floor.ts'

const people = ['alice', 'bob', 'carol'].map((name) => someone(name))
const actions = [
  'say', 'say', 'say', 'topic', 'topic', 'name', 'invite', 'join', 'join', 'join', 'leave', 'kick', 'ban', 'unban',
  'receipt', 'privateReceipt', 'typing', 'tag', 'setting', 'redact', 'create',
] as const // prettier-ignore

const step = fc.record({
  who: fc.nat(people.length - 1),
  whom: fc.nat(people.length - 1),
  room: fc.nat(2),
  action: fc.constantFrom(...actions),
  /** Which clients sync after the step. */
  syncs: fc.array(fc.nat(5), { maxLength: 2 }),
  fullState: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const styles: readonly ClientStyle[] = [
  { stateAfter: undefined, lazy: false, timelineLimit: 3 },
  { stateAfter: 'state_after', lazy: false, timelineLimit: 3 },
  { stateAfter: undefined, lazy: true, timelineLimit: 2 },
  { stateAfter: 'org.matrix.msc4222.state_after', lazy: true, timelineLimit: 4 },
  { stateAfter: undefined, lazy: false, timelineLimit: 50 },
  { stateAfter: undefined, lazy: false, timelineLimit: 1 },
]

/** What happens in the story so far. */
interface Story {
  readonly floor: SyncFloor
  readonly rooms: Room[]
  /** Each event that was sent, by room. */
  readonly sent: Map<number, string[]>
  count: number
}

eachEngine('folding any run of syncs gives what one first sync gives', async (t, { engine }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { story, clients } = await begin(t, engine)
      for (const each of steps) {
        await take(story, each)
        for (const index of each.syncs) await clients[index]?.sync({ fullState: each.fullState })
      }
      await compareAll(story, clients)
    }),
    { numRuns: engine === 'sqlite' ? 50 : 5 },
  )
})

eachEngine('so it does when everything happens at once', async (t, { engine }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const { story, clients } = await begin(t, engine)
      const syncs = clients.map(() => Promise.resolve())
      const taken = steps.map(async (each, index) => {
        // Some together, some later.
        for (let turn = 0; turn < index % 7; turn++) await new Promise((resolve) => setImmediate(resolve))
        const done = take(story, each)
        for (const client of each.syncs) syncs[client] = syncs[client]?.then(() => clients[client]?.sync()) ?? done
        await done
      })
      await Promise.all(taken)
      await Promise.all(syncs)
      await compareAll(story, clients)
    }),
    // What depends on who comes first does not fail again when it is made smaller.
    { numRuns: engine === 'sqlite' ? 30 : 5, endOnFailure: true },
  )
})

async function begin(t: TestContext, engine: Engine): Promise<{ story: Story; clients: readonly SyncClient[] }> {
  const floor = await openSyncFloor(await testDatabase(t, { engine }))
  const story: Story = { floor, rooms: [], sent: new Map(), count: 0 }
  for (let i = 0; i < 2; i++) await createRoom(story, people[0] ?? someone('alice'))
  const clients = styles.map((style, index) => {
    const person = people[index % 2] ?? someone('alice')
    return new SyncClient(floor, { ...person, deviceId: `OLD${index}` }, style)
  })
  return { story, clients }
}

async function compareAll({ floor }: Story, clients: readonly SyncClient[]): Promise<void> {
  for (const [index, client] of clients.entries()) {
    await client.sync()
    const fresh = new SyncClient(floor, { ...client.requester, deviceId: `NEW${index}` }, client.style)
    await fresh.sync()
    compare(client, fresh)
  }
  floor.typing.close()
}

function compare(old: SyncClient, fresh: SyncClient): void {
  assert.deepEqual([...old.rooms.keys()].sort(), [...fresh.rooms.keys()].sort(), 'rooms')
  assert.deepEqual([...old.invites].sort(), [...fresh.invites].sort(), 'invites')
  assert.deepEqual([...old.accountData].sort(), [...fresh.accountData].sort(), 'account data')
  for (const [roomId, now] of fresh.rooms) {
    const held = old.rooms.get(roomId)
    assert.ok(held)
    const [heldState, nowState] = [sorted(held.state), sorted(now.state)]
    if (old.style.lazy) {
      for (const [key, eventId] of nowState) {
        assert.equal(held.state.get(key) ?? eventId, eventId, `${roomId} ${key} is out of date`)
        if (!key.startsWith('m.room.member ')) assert.ok(held.state.has(key), `${roomId} ${key} is missing`)
      }
      for (const sender of [...held.senders].filter((userId) => !userId.startsWith(old.requester.userId)))
        assert.ok(held.state.has(`m.room.member ${sender}`), `${sender} has no member event`)
    } else assert.deepEqual(heldState, nowState, `state of ${roomId}`)
    const common = Math.min(held.timeline.length, now.timeline.length)
    assert.ok(common > 0, 'a first sync shows something')
    assert.deepEqual(held.timeline.slice(-common), now.timeline.slice(-common), `timeline of ${roomId}`)
    assert.deepEqual(held.summary, now.summary, `summary of ${roomId}`)
    assert.deepEqual(sorted(held.accountData), sorted(now.accountData), `account data of ${roomId}`)
    assert.deepEqual(sorted(held.receipts), sorted(now.receipts), `receipts of ${roomId}`)
    assert.equal(held.typing, now.typing, `typing in ${roomId}`)
  }
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1))
}

async function createRoom(story: Story, requester: Requester): Promise<void> {
  const roomId = await story.floor.createRoom.create(requester, { preset: 'public_chat' })
  story.rooms.push(await story.floor.knownRooms.require(roomId))
}

/** Carries out a step; one that is not allowed changes nothing. */
async function take(story: Story, { who, whom, room: roomIndex, action }: Step): Promise<void> {
  const requester = people[who]
  const other = people[whom]
  const room = story.rooms[roomIndex % story.rooms.length]
  if (requester === undefined || other === undefined || room === undefined) return
  try {
    await act(story, { requester, other, room, action })
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
  }
}

async function act(
  story: Story,
  scene: { readonly requester: Requester; readonly other: Requester; readonly room: Room; readonly action: string },
): Promise<void> {
  const { floor } = story
  const { requester, other, room, action } = scene
  const number = ++story.count
  const text = `${action} ${number}`
  const send = async (type: string, content: Record<string, string>, stateKey?: string): Promise<void> => {
    const eventId = await floor.sendEvent.send({ requester, room, type, stateKey, content, txnId: `t${number}` })
    story.sent.set(room.roomNid, [...(story.sent.get(room.roomNid) ?? []), eventId])
  }
  const joined = await floor.memberships.isJoined(requester.userId, room.roomNid)
  const newest = story.sent.get(room.roomNid)?.at(-1)
  switch (action) {
    case 'say':
      return send('m.room.message', { msgtype: 'm.text', body: text })
    case 'topic':
      return send('m.room.topic', { topic: text }, '')
    case 'name':
      return send('m.room.name', { name: text }, '')
    case 'invite':
      return floor.membership.invite({ requester, room, userId: other.userId })
    case 'join':
      return floor.membership.join({ requester, room })
    case 'leave':
      return floor.membership.leave({ requester, room })
    case 'kick':
      return floor.membership.kick({ requester, room, userId: other.userId })
    case 'ban':
      return floor.membership.ban({ requester, room, userId: other.userId })
    case 'unban':
      return floor.membership.unban({ requester, room, userId: other.userId })
    case 'receipt':
    case 'privateReceipt': {
      const row = newest === undefined ? undefined : await rowOf(floor, room, newest)
      const type = action === 'receipt' ? 'm.read' : 'm.read.private'
      if (joined && row !== undefined) await floor.receipts.set(requester.userId, room, [{ type, event: row }])
      return
    }
    case 'typing':
      if (joined) await floor.typing.start(requester.userId, room.roomNid)
      return
    case 'tag':
      return floor.accountData.set(requester.userId, room.roomId, 'm.tag', { tags: { [text]: {} } })
    case 'setting':
      return floor.accountData.set(requester.userId, null, 'org.example.setting', { text })
    case 'redact':
      if (newest !== undefined)
        await floor.redact.redact({ requester, room, eventId: parseEventId(newest), content: {}, txnId: text })
      return
    default:
      if (story.rooms.length < 3) await createRoom(story, requester)
  }
}

async function rowOf(floor: SyncFloor, room: Room, eventId: string) {
  const { rows } = await floor.timeline.recent(room, { after: 0, upTo: floor.streams.events.position, limit: 200 })
  return rows.find((row) => row.eventId === eventId)
}
