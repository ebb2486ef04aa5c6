import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { parseUserId } from '#protocol/identifiers.ts'

import { eachEngine, engines, testDatabase } from '../../test/databases.ts'
import { aRow } from '../../test/event-rows.ts'
import { insertEvents } from './events.ts'
import { setMemberships, type MembershipState, type NewMembership } from './memberships.ts'
import { migrate } from './migrate.ts'
import { heroes, joinedServers, memberCounts, memberSums } from './room-members.ts'
import { recencyIsRight } from './room-recency.ts'
import { insertRoom } from './rooms.ts'
import type { Database, Transaction } from './transaction.ts'

const roomNid = 5
/** The third has a colon after its server's name, the last letters beyond those of most. */
const people = ['@a:one.example', '@b:one.example', '@c:two.example:8448', '@d:three', '@ünï:two.example:8448'].map(
  (userId) => parseUserId(userId),
)

function membershipOf(user: number, membership: MembershipState, streamPosition: number, room = roomNid) {
  const userId = people[user]
  assert.ok(userId)
  const row: NewMembership = {
    ...{ roomNid: room, userNid: user + 1, membership, eventNid: streamPosition, senderNid: 1, streamPosition },
    ...{ local: 0, forgotten: 0 },
  }
  return { userId, row }
}

async function open(database: Database) {
  const write = <T>(fn: (txn: Transaction) => Promise<T>): Promise<T> => database.runInteraction('test', fn)
  await write(async (txn) => {
    for (const nid of [roomNid, roomNid + 1])
      await insertRoom(txn, { roomNid: nid, roomId: `!r${nid}`, version: '12', createdTs: 1, published: false })
    await txn.runMany(
      'INSERT INTO user_ids (user_nid, user_id) VALUES (?, ?)',
      people.map((userId, index) => [index + 1, userId]),
    )
  })
  return write
}

eachEngine('members are counted as they come, change and go, several at once or one after another', async (_t, db) => {
  const write = await open(db)
  await write((txn) =>
    setMemberships(txn, [membershipOf(0, 'join', 1), membershipOf(1, 'invite', 2), membershipOf(1, 'join', 3)]),
  )
  await write((txn) => setMemberships(txn, [membershipOf(2, 'join', 4), membershipOf(3, 'invite', 5)]))
  const counts = () => write((txn) => memberCounts(txn, [roomNid]))
  const told = async () => new Map((await counts()).map((row) => [row.membership, row.count]))
  assert.deepEqual([(await told()).get('join'), (await told()).get('invite')], [3, 1])
  assert.deepEqual(await write((txn) => joinedServers(txn, roomNid, 9)), ['one.example', 'two.example:8448'])
  await write((txn) => setMemberships(txn, [membershipOf(2, 'leave', 6), membershipOf(0, 'join', 7)]))
  assert.deepEqual([(await told()).get('join'), (await told()).get('invite')], [2, 1])
  assert.deepEqual(await write((txn) => joinedServers(txn, roomNid, 9)), ['one.example'])
  assert.deepEqual(await write((txn) => joinedServers(txn, roomNid + 1, 9)), [])
})

eachEngine(
  'a room is called after those who are there longest, and never after all that came at once',
  async (_t, db) => {
    const write = await open(db)
    const named = async (userNid: number, memberships: MembershipState[], limit = 5) => {
      const found = await write((txn) => heroes(txn, [roomNid, roomNid + 1], { memberships, userNid, limit }))
      return found.map((hero) => hero.userNid)
    }
    const other = membershipOf(4, 'join', 1, roomNid + 1)
    await write((txn) => setMemberships(txn, [other, membershipOf(2, 'join', 1), membershipOf(0, 'invite', 2)]))
    await write((txn) => setMemberships(txn, [membershipOf(1, 'join', 3), membershipOf(3, 'ban', 4)]))
    assert.deepEqual(await named(9, ['join', 'invite']), [3, 1, 2, 5])
    assert.deepEqual(await named(3, ['join', 'invite'], 1), [1, 5], 'without who reads, of each room')
    assert.deepEqual(await named(9, ['leave', 'ban']), [4])
    await write((txn) => setMemberships(txn, [membershipOf(2, 'join', 5)]))
    assert.deepEqual(await named(9, ['join']), [3, 2, 5], 'who changes their name keeps their place')
    await write((txn) => setMemberships(txn, [membershipOf(2, 'leave', 6), membershipOf(2, 'join', 7)]))
    assert.deepEqual(await named(9, ['join']), [2, 3, 5], 'who went and came back does not')
    for (const [position, membership] of [[8, 'leave'] as const, [9, 'join'] as const]) {
      const all = [0, 1, 2, 3, 4].map((user) => membershipOf(user, membership, position))
      await write((txn) => setMemberships(txn, all))
    }
    assert.deepEqual(await named(2, ['join', 'invite'], 2), [1, 3, 5])
  },
)

for (const engine of engines) {
  test(`sums of members are those of the memberships whatever happens (${engine})`, async (t) => {
    const write = await open(await testDatabase(t, { engine }))
    const change = fc.tuple(
      fc.nat(people.length - 1),
      fc.constantFrom<MembershipState>('join', 'invite', 'knock', 'leave', 'ban'),
    )
    let position = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
        async (batches) => {
          for (const batch of batches) {
            const changes = batch.map(([user, membership]) => membershipOf(user, membership, ++position))
            await write((txn) => setMemberships(txn, changes))
          }
          const rows = await write((txn) =>
            txn.all<{ userNid: number; membership: string }>(
              'SELECT user_nid AS "userNid", membership FROM memberships',
            ),
          )
          const sums = await write((txn) => memberSums(txn, roomNid))
          const of = Map.groupBy(rows, (row) => row.membership)
          for (const [membership, some] of of) assert.equal(sums.memberships.get(membership), some.length)
          assert.equal(sums.memberships.size, of.size)
          const servers = new Map<string, number>()
          for (const { userNid } of of.get('join') ?? []) {
            const server = people[userNid - 1]?.replace(/^[^:]*:/, '') ?? ''
            servers.set(server, (servers.get(server) ?? 0) + 1)
          }
          assert.deepEqual(new Map([...sums.servers].sort()), new Map([...servers].sort()))
        },
      ),
      { numRuns: 20 },
    )
  })
}

eachEngine('a room was active when people last said something, not when its state changed', async (_t, database) => {
  const write = await open(database)
  const active = async () => {
    const rows = await write((txn) => txn.all<{ at: number }>('SELECT stream_position AS at FROM room_recency'))
    return [rows[0]?.at, await write((txn) => recencyIsRight(txn, roomNid))]
  }
  const add = (type: string, streamPosition: number, facts: object = {}) =>
    write((txn) => insertEvents(txn, [aRow({ roomNid, type, streamPosition, eventNid: streamPosition, ...facts })]))
  assert.deepEqual(await active(), [undefined, true])
  await add('m.room.create', 1)
  await add('m.room.message', 4)
  await add('m.room.member', 5)
  await add('m.room.encrypted', 3)
  await add('m.room.message', 6, { softFailed: 1 })
  await add('m.room.message', 7, { rejected: 'no' })
  assert.deepEqual(await active(), [4, true])
  await write((txn) => txn.run('UPDATE room_recency SET stream_position = 3'))
  assert.deepEqual(await active(), [3, false])
})

eachEngine('a database from before rooms were summed up has the sums afterwards', async (_t, database) => {
  const write = await open(database)
  const users = people.map((_, user) => membershipOf(user, user === 3 ? 'ban' : 'join', user + 1))
  await write((txn) => setMemberships(txn, [...users, membershipOf(1, 'join', 9, roomNid + 1)]))
  await write((txn) => insertEvents(txn, [aRow({ roomNid, eventNid: 3 }), aRow({ roomNid, type: 'x', eventNid: 4 })]))
  const state = () =>
    write(async (txn) => [
      await memberSums(txn, roomNid),
      await memberSums(txn, roomNid + 1),
      await txn.all('SELECT room_nid AS room, stream_position AS at FROM room_recency'),
    ])
  const before = await state()
  await write(async (txn) => {
    for (const table of ['member_counts', 'room_servers', 'room_recency']) await txn.run(`DROP TABLE ${table}`)
    await txn.run('DROP INDEX memberships_order')
    for (const table of ['schema_migrations', 'migration_checksums'])
      await txn.run(`DELETE FROM ${table} WHERE name = '0017-room-summaries'`)
  })
  assert.deepEqual(await migrate(database), ['0017-room-summaries'])
  assert.deepEqual(await state(), before)
})
