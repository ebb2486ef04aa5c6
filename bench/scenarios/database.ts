import { runInBackground } from '#observability/request-context.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { Database } from '#storage/transaction.ts'

import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import { median } from '../kit/core-scenario.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
import { type Figures, measure } from '../kit/measure.ts'
import { oneUser, type Scenario } from '../kit/scenario.ts'

/**
 * Work of one measurement, and how often it is measured either way, turn by turn on two databases that are open side by
 * side: other programs disturb single turns, and what is told is the middle.
 */
const interactions = 500
const pairsOfInteractions = 101
const sends = 200
const pairsOfSends = 201
const roomsSentTo = 16
const writes = 2_000
const inFlight = 32
const queriesOfSend = 10

/** Processor time of this thread, in microseconds. */
function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Makes ready on a database; gives the work that is measured, and how many things it does. */
type Measured = (database: Database) => Promise<{ readonly count: number; readonly work: () => Promise<void> }>

/** Interactions with as many queries as a send has. */
const interactionsOn: Measured = async (database) => ({
  count: interactions,
  work: async () => {
    for (let done = 0; done < interactions; done += 1) {
      await database.runInteraction(
        'bench',
        async (txn) => {
          for (let query = 0; query < queriesOfSend; query += 1) await txn.get(`SELECT 1 AS one`)
        },
        { readOnly: true },
      )
    }
  },
})

/** Events into several rooms, many at once, each on behalf of a request of its own. */
const sendsOn: Measured = async (database) => {
  const floor = await openRoomsFloor(database)
  const requester = someone('ann')
  const rooms: Room[] = []
  for (let made = 0; made < roomsSentTo; made += 1) {
    const roomId = await floor.createRoom.create(requester, { preset: 'public_chat' })
    rooms.push(await floor.knownRooms.require(roomId))
  }
  const content = { msgtype: 'm.text', body: 'As long as what people write, more or less, on most days.' }
  let sent = 0
  const send = async (): Promise<void> => {
    sent += 1
    const room = rooms[sent % roomsSentTo] as Room
    const request = { requester, room, type: 'm.room.message', content, txnId: String(sent) }
    await runInBackground('send', () => floor.sendEvent.send(request))
  }
  const work = async (): Promise<void> => {
    let left = sends
    const sender = async (): Promise<void> => {
      while (left-- > 0) await send()
    }
    await Promise.all(Array.from({ length: inFlight }, sender))
  }
  return { count: sends, work }
}

interface Pair {
  readonly plain: number
  readonly accounted: number
}

/** Processor time of each, in microseconds, with nothing counted and with everything; every other pair begins with the latter. */
async function inTurns(place: DatabasePlace, pairs: number, measured: Measured): Promise<Pair[]> {
  const databases = [
    await place.open({ accounting: false, name: 'plain' }),
    await place.open({ accounting: true, name: 'accounted' }),
  ] as const
  const [plain, accounted] = [await measured(databases[0]), await measured(databases[1])]
  const micros = async ({ count, work }: typeof plain): Promise<number> => {
    const before = cpuMicros()
    await runInBackground('bench', work)
    return (cpuMicros() - before) / count
  }
  const found: Pair[] = []
  for (let pair = -pairs / 10; pair < pairs; pair += 1) {
    const first = found.length % 2 === 0 ? await micros(plain) : await micros(accounted)
    const second = found.length % 2 === 0 ? await micros(accounted) : await micros(plain)
    found.push(found.length % 2 === 0 ? { plain: first, accounted: second } : { plain: second, accounted: first })
  }
  for (const database of databases) await database.close()
  // The first tenth was to warm up.
  return found.slice(-pairs)
}

async function overhead(place: DatabasePlace): Promise<Figures> {
  const pairs = await inTurns(place, pairsOfInteractions, interactionsOn)
  return {
    plainMicros: median(pairs.map(({ plain }) => plain)),
    accountedMicros: median(pairs.map(({ accounted }) => accounted)),
    overheadMicros: median(pairs.map(({ plain, accounted }) => accounted - plain)),
  }
}

/** `ratio` is the middle one of all pairs; half of them lie between `ratioLow` and `ratioHigh`. */
async function overheadOfSends(place: DatabasePlace): Promise<Figures> {
  const pairs = await inTurns(place, pairsOfSends, sendsOn)
  const ratios = pairs.map(({ plain, accounted }) => accounted / plain).toSorted((a, b) => a - b)
  const at = (part: number): number => ratios[Math.floor(ratios.length * part)] ?? NaN
  return {
    plainMicros: median(pairs.map(({ plain }) => plain)),
    addedMicros: median(pairs.map(({ plain, accounted }) => accounted - plain)),
    ratio: at(0.5),
    ratioLow: at(0.25),
    ratioHigh: at(0.75),
  }
}

async function grouping(place: DatabasePlace): Promise<Figures> {
  const database = await place.open()
  await database.runInteraction('make', (txn) => txn.run(`CREATE TABLE bench (id INTEGER NOT NULL PRIMARY KEY)`))
  let next = 0
  const write = (): Promise<unknown> =>
    database.runInteraction(
      'write',
      (
        (id) => (txn) =>
          txn.run(`INSERT INTO bench (id) VALUES (?)`, id)
      )(++next),
    )
  const serial = await measure({ count: writes, inFlight: 1, pid: undefined }, write)
  const many = await measure({ count: writes * 4, inFlight, pid: undefined }, write)
  await database.close()
  const [one = NaN, all = NaN] = [serial['perSecond'], many['perSecond']]
  return { serialPerSecond: one, manyPerSecond: all, ratio: all / one }
}

export const gateScenarios: readonly DatabaseScenario[] = [
  {
    name: 'database-gate',
    about: `what accounting costs an interaction of ${queriesOfSend} queries`,
    targets: { overheadMicros: { max: 5 } },
    run: overhead,
  },
  {
    name: 'database-accounting',
    about: 'what accounting adds to the processor time of a send, below the doors',
    targets: { ratio: { max: 1.03 } },
    run: overheadOfSends,
  },
  {
    name: 'database-grouping',
    about: `durable writes, alone and ${inFlight} in flight`,
    targets: { ratio: { min: 4 } },
    run: grouping,
  },
]

export const versionsScenario: Scenario = {
  name: 'database-versions',
  about: '/versions with a token, flags cached',
  targets: { perSecond: { min: 10_000 } },
  run: async (stage) => {
    const { token } = await oneUser(stage)
    const ask = (): Promise<void> => stage.homeserver.versions(token)
    await measure({ count: 3_000, inFlight, pid: undefined }, ask)
    return measure({ count: 30_000, inFlight, pid: stage.pid }, ask)
  },
}
