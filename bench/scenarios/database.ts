import { runInBackground } from '#observability/request-context.ts'
import { type Database } from '#storage/transaction.ts'

import { type DatabasePlace, type DatabaseScenario } from '../kit/database-place.ts'
import { type Figures, measure } from '../kit/measure.ts'
import { oneUser, type Scenario } from '../kit/scenario.ts'

/** Interactions of one measurement, and how often both ways are measured, turn by turn: other programs disturb single ones. */
const interactions = 4_000
const turns = 7
const writes = 2_000
const inFlight = 32
const queriesOfSend = 10

/** Processor time of this thread for one interaction with as many queries as a send has, in microseconds. */
async function microsEach(database: Database): Promise<number> {
  const before = process.threadCpuUsage()
  await runInBackground('bench', async () => {
    for (let done = 0; done < interactions; done += 1) {
      await database.runInteraction(
        'bench',
        async (txn) => {
          for (let query = 0; query < queriesOfSend; query += 1) await txn.get(`SELECT 1 AS one`)
        },
        { readOnly: true },
      )
    }
  })
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / interactions
}

async function overhead(place: DatabasePlace): Promise<Figures> {
  const figures: Record<'plain' | 'accounted', number> = { plain: Infinity, accounted: Infinity }
  for (let turn = 0; turn < turns; turn += 1) {
    for (const accounting of [false, true]) {
      const database = await place.open({ accounting })
      await microsEach(database)
      const name = accounting ? 'accounted' : 'plain'
      figures[name] = Math.min(figures[name], await microsEach(database))
      await database.close()
    }
  }
  const { plain, accounted } = figures
  return { plainMicros: plain, accountedMicros: accounted, overheadMicros: accounted - plain }
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
