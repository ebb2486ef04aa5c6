import assert from 'node:assert/strict'
import { countingDatabase } from '../../test/counting-database.ts'
import { eachEngine } from '../../test/databases.ts'
import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import { RoomAccess } from './room-access.ts'
import { Timeline } from './timeline.ts'
import { Visibility } from './visibility.ts'

const alice = someone('alice')

eachEngine('many readers who ask at once ask the database together', async (_t, plain) => {
  const { database, counted } = countingDatabase(plain)
  const floor = await openRoomsFloor(database)
  const readers = Array.from({ length: 20 }, (_, index) => someone(`reader${index}`))
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  for (const requester of readers) await floor.membership.join({ requester, room })
  const visibility = new Visibility(floor)
  const timeline = new Timeline({ ...floor, visibility })
  const access = await new RoomAccess(floor).read(alice.userId, room.roomId)
  const { rows } = await timeline.page(alice.userId, access, { direction: 'backwards', limit: 100 })
  await Promise.all(readers.map((reader) => floor.memberships.of(reader.userId)))
  const readAll = async (): Promise<void> => {
    const seen = await Promise.all(readers.map(({ userId }) => visibility.filter(userId, room, rows)))
    for (const each of seen) assert.equal(each.length, rows.length, 'shared history is there for who joined later')
  }
  assert.ok((await counted(readAll)) <= 2)
  assert.equal(await counted(readAll), 0)
})

eachEngine(
  'an invited person sees nothing of shared history, and of invited history what came since',
  async (_t, db) => {
    const floor = await openRoomsFloor(db)
    const [bob, carol] = [someone('bob'), someone('carol')]
    const visibility = new Visibility(floor)
    const timeline = new Timeline({ ...floor, visibility })
    for (const history_visibility of ['shared', 'invited']) {
      const initial_state = [{ type: 'm.room.history_visibility', content: { history_visibility } }]
      const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { initial_state }))
      const say = (body: string): Promise<string> =>
        floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: { body } })
      await say('before')
      await floor.membership.invite({ requester: alice, room, userId: bob.userId })
      const since = await say('since')
      const access = await new RoomAccess(floor).read(alice.userId, room.roomId)
      const { rows } = await timeline.page(alice.userId, access, { direction: 'backwards', limit: 100 })
      const messages = rows.filter((row) => row.type === 'm.room.message')
      const seen = (await visibility.filter(bob.userId, room, messages)).map((row) => row.eventId)
      assert.deepEqual(seen, history_visibility === 'invited' ? [since] : [])
      assert.deepEqual(await visibility.filter(carol.userId, room, rows), [])
    }
  },
)

eachEngine('who left before the ends of stays were noted reads on as before', async (_t, database) => {
  const floor = await openRoomsFloor(database)
  const bob = someone('bob')
  const room = await floor.knownRooms.require(await floor.createRoom.create(alice, { preset: 'public_chat' }))
  const say = (body: string): Promise<string> =>
    floor.sendEvent.send({ requester: alice, room, type: 'm.room.message', content: { body } })
  await say('before')
  await floor.membership.join({ requester: bob, room })
  await floor.membership.leave({ requester: bob, room })
  await floor.membership.invite({ requester: alice, room, userId: bob.userId })
  await floor.membership.leave({ requester: bob, room })
  await say('after')
  const seen = async (): Promise<unknown[]> => {
    const fresh = await openRoomsFloor(database)
    const visibility = new Visibility(fresh)
    const timeline = new Timeline({ ...fresh, visibility })
    const access = await new RoomAccess(fresh).read(bob.userId, room.roomId)
    const page = await timeline.page(bob.userId, access, { direction: 'forwards', limit: 100 })
    return [access.arrivedBy, access.stateNid, page.rows.map((row) => row.eventId)]
  }
  const noted = await seen()
  await database.runInteraction('forget', (txn) => txn.run('UPDATE memberships SET stay_end = NULL'))
  assert.deepEqual(await seen(), noted)
})
