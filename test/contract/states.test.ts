import assert from 'node:assert/strict'

import { parseUserId } from '#protocol/identifiers.ts'
import { RoomState } from '#rooms/room-state.ts'
import type { Room } from '#rooms/known-rooms.ts'
import { currentStates } from '#storage/current-state.ts'
import { eventsInStreamRange, type EventRow } from '#storage/events.ts'
import { memberKeysFrom } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'

import { eachEngine } from '../databases.ts'
import { openRoomsFloor, someone, testServerName } from '../rooms-floor.ts'

const alice = someone('alice')

type Floor = Awaited<ReturnType<typeof openRoomsFloor>>
type Model = ReadonlyMap<number, number>

async function allEvents(database: Database, room: Room): Promise<EventRow[]> {
  const range = { roomNid: room.roomNid, after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10_000, newestFirst: false }
  return database.runInteraction('all_events', (txn) => eventsInStreamRange(txn, range), { readOnly: true })
}

async function setMany(floor: Floor, room: Room, keys: readonly string[]): Promise<void> {
  await floor.interned.keyNids(keys.map((stateKey) => ({ type: 'org.example.state', stateKey })))
  const events = keys.map((stateKey, index) => ({
    type: 'org.example.state',
    sender: alice.userId,
    stateKey,
    content: { index },
  }))
  await Promise.all(events.map((event) => floor.roomWriter.write(room, event)))
}

async function join(floor: Floor, room: Room, name: string): Promise<void> {
  const userId = parseUserId(`@${name}:${testServerName}`)
  const content = { membership: 'join' }
  await floor.roomWriter.write(room, { type: 'm.room.member', sender: userId, stateKey: userId, content })
}

/** The state after each of a room's events, by hand. */
function modelOf(rows: readonly EventRow[]): Model[] {
  const state = new Map<number, number>()
  return rows.map((row) => {
    if (row.keyNid !== null) state.set(row.keyNid, row.eventNid)
    return new Map(state)
  })
}

function sorted(state: Model): [number, number][] {
  return [...state].sort(([a], [b]) => a - b)
}

function differenceOf(from: Model, to: Model): [number, number | null, number | null][] {
  const keyNids = new Set([...from.keys(), ...to.keys()])
  return [...keyNids]
    .map((keyNid): [number, number | null, number | null] => [keyNid, from.get(keyNid) ?? null, to.get(keyNid) ?? null])
    .filter(([, before, after]) => before !== after)
    .sort(([a], [b]) => a - b)
}

/** Numbers of events a few apart, of neighbours, and far from each other. */
function samples(length: number): number[] {
  const every = Array.from({ length: Math.ceil(length / 137) }, (_, index) => index * 137)
  return [...every, length - 9, length - 8, length - 7, length - 2, length - 1]
}

eachEngine(
  'every question about a state has one answer, also where its changes lie in chunks',
  async (_t, database) => {
    const floor = await openRoomsFloor(database)
    const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
    const keys = Array.from({ length: 1_500 }, (_, index) => `key ${index}`)
    await setMany(floor, room, keys)
    await join(floor, room, 'bob')
    await setMany(
      floor,
      room,
      Array.from({ length: 1_200 }, (_, index) => keys[(index * 7) % keys.length] ?? ''),
    )
    await join(floor, room, 'carol')
    const rows = await allEvents(database, room)
    const model = modelOf(rows)
    const long = await database.runInteraction('long', (txn) =>
      txn.get<{ n: number }>(
        'SELECT COUNT(*) AS n FROM state_nodes WHERE OCTET_LENGTH(delta) = 1 AND parent_nid IS NOT NULL',
      ),
    )
    assert.ok((long?.n ?? 0) > 0, 'no delta lies in chunks')

    const fresh = (): RoomState => new RoomState(floor)
    const asked = samples(rows.length)
    const stateOf = (at: number): number => rows[at]?.stateAfter ?? 0
    const typeOf = new Map(rows.flatMap((row) => (row.keyNid === null ? [] : [[row.keyNid, row.type] as const])))
    for (const at of asked) {
      const whole = model[at] ?? new Map<number, number>()
      assert.deepEqual(sorted(await fresh().at(stateOf(at))), sorted(whole))
      assert.deepEqual(sorted(await fresh().at(rows[at]?.stateBefore ?? 0)), sorted(model[at - 1] ?? new Map()))
      const some = [...typeOf.keys()].filter((_, index) => index % 61 === at % 61)
      const found = (await fresh().keysAt([stateOf(at)], some)).get(stateOf(at))
      assert.deepEqual(
        sorted(found ?? new Map()),
        sorted(new Map([...whole].filter(([keyNid]) => some.includes(keyNid)))),
      )
      for (const [part, wanted] of [
        ['members', (type: string) => type === 'm.room.member'],
        ['withoutMembers', (type: string) => type !== 'm.room.member'],
        [{ types: ['m.room.create', 'm.room.member'] }, (type: string) => /create|member/.test(type)],
        [{ types: ['org.example.none'] }, () => false],
      ] as const) {
        const expected = [...whole].filter(([keyNid]) => wanted(typeOf.get(keyNid) ?? ''))
        assert.deepEqual(sorted(await fresh().partAt(stateOf(at), part)), sorted(new Map(expected)))
      }
    }
    for (const from of asked) {
      for (const to of asked) {
        const difference = await fresh().difference(stateOf(from), stateOf(to))
        assert.deepEqual(
          difference.map((each) => [each.keyNid, each.from, each.to]).sort(([a], [b]) => Number(a) - Number(b)),
          differenceOf(model[from] ?? new Map(), model[to] ?? new Map()),
        )
      }
    }
  },
)

eachEngine('members that were numbered among the rest are still told apart from it', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  await database.runInteraction('as_before', (txn) =>
    txn.run(
      'INSERT INTO state_keys (key_nid, type, state_key) VALUES (?, ?, ?)',
      900_000,
      'm.room.member',
      `@old:${testServerName}`,
    ),
  )
  await join(floor, room, 'old')
  await join(floor, room, 'new')
  await setMany(floor, room, ['last'])
  const rows = await allEvents(database, room)
  const members = rows.filter((row) => row.type === 'm.room.member')
  assert.deepEqual(
    members.map((row) => (row.keyNid ?? 0) >= memberKeysFrom),
    [true, false, true],
  )
  const nidsOf = (these: readonly EventRow[]): number[] => these.map((row) => row.eventNid).sort((a, b) => a - b)
  const others = nidsOf(rows.filter((row) => row.type !== 'm.room.member'))
  const last = rows.at(-1)?.stateAfter ?? 0
  const nids = (state: ReadonlyMap<number, number>): number[] => [...state.values()].sort((a, b) => a - b)
  assert.deepEqual(nids(await new RoomState(floor).partAt(last, 'withoutMembers')), others)
  assert.deepEqual(nids(await new RoomState(floor).partAt(last, 'members')), nidsOf(members))
  const now = await database.runInteraction('now', (txn) => currentStates(txn, [room.roomNid], false))
  assert.deepEqual(
    now.map((entry) => entry.eventNid).sort((a, b) => a - b),
    others,
  )
})
