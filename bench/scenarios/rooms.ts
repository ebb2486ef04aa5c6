import { forEachAtOnce, measure } from '../kit/measure.ts'
import { oneUser, type Scenario } from '../kit/scenario.ts'

const joiners = 50
const joinedRooms = 30

export const roomScenarios: readonly Scenario[] = [
  {
    name: 'createRoom',
    about: 'public rooms, 8 at once',
    targets: { perSecond: { min: 400 } },
    run: async (stage) => {
      const user = await oneUser(stage)
      const create = (): Promise<string> => stage.homeserver.createRoom(user)
      await measure({ count: 80, inFlight: 8, pid: undefined }, create)
      return measure({ count: 1_000, inFlight: 8, pid: stage.pid }, create)
    },
  },
  {
    name: 'join',
    about: `${joiners} users into ${joinedRooms} rooms, 16 at once`,
    targets: { perSecond: { min: 900 } },
    run: async (stage) => {
      const [host, ...guests] = await stage.users(joiners + 1)
      if (host === undefined) throw new Error('no user was registered')
      const rooms = await forEachAtOnce(Array.from({ length: joinedRooms }), 8, () => stage.homeserver.createRoom(host))
      const pairs = guests.flatMap((guest) => rooms.map((room) => ({ guest, room })))
      return measure({ count: pairs.length, inFlight: 16, pid: stage.pid }, async (index) => {
        const pair = pairs[index]
        if (pair !== undefined) await stage.homeserver.join(pair.guest, pair.room)
      })
    },
  },
  {
    name: 'messages',
    about: 'pages of 50 of a room of 300 events, 4 at once',
    targets: { perSecond: { min: 2_000 }, cpuMs: { max: 0.5 } },
    run: async (stage) => {
      const user = await oneUser(stage)
      const room = await stage.homeserver.createRoom(user)
      await measure({ count: 300, inFlight: 16, pid: undefined }, () => stage.homeserver.send(user, room))
      const page = await stage.homeserver.messages(user, room, 50)
      if (page !== 50) throw new Error(`a page of 50 has ${page} events`)
      const read = (): Promise<number> => stage.homeserver.messages(user, room, 50)
      await measure({ count: 200, inFlight: 4, pid: undefined }, read)
      return measure({ count: 4_000, inFlight: 4, pid: stage.pid }, read)
    },
  },
]
