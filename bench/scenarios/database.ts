import { runInBackground } from '#observability/request-context.ts'
import type { Database } from '#storage/transaction.ts'

import { median } from '../kit/core-scenario.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
import { type Figures, measure } from '../kit/measure.ts'
import { oneUser, type Scenario } from '../kit/scenario.ts'

/**
 * Work of one measurement, and how often it is measured either way, turn by turn on two databases that are open side by
 * side: other programs disturb single turns, and what is told is the middle.
 */
const interactions = 500
const pairs = 101
const pairsToWarmUp = 10
const writes = 2_000
const inFlight = 32
const queriesOfSend = 10

/** Processor time of this process, in microseconds. That of a thread alone is told in ticks of the system, too coarse here. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Interactions with as many queries as a send has; gives the processor time of each, in microseconds. */
async function microsOfInteraction(database: Database): Promise<number> {
  const before = cpuMicros()
  for (let done = 0; done < interactions; done += 1) {
    await database.runInteraction(
      'bench',
      async (txn) => {
        for (let query = 0; query < queriesOfSend; query += 1) await txn.get(`SELECT 1 AS one`)
      },
      { readOnly: true },
    )
  }
  return (cpuMicros() - before) / interactions
}

/** With nothing counted and with everything; every other pair begins with the latter. */
async function overhead(place: DatabasePlace): Promise<Figures> {
  const plain = await place.open({ accounting: false, name: 'plain' })
  const accounted = await place.open({ accounting: true, name: 'accounted' })
  const micros = (database: Database): Promise<number> => runInBackground('bench', () => microsOfInteraction(database))
  const found: { readonly plain: number; readonly accounted: number }[] = []
  while (found.length < pairsToWarmUp + pairs) {
    const accountedFirst = found.length % 2 === 1
    const first = await micros(accountedFirst ? accounted : plain)
    const second = await micros(accountedFirst ? plain : accounted)
    found.push(accountedFirst ? { accounted: first, plain: second } : { plain: first, accounted: second })
  }
  await plain.close()
  await accounted.close()
  const measured = found.slice(pairsToWarmUp)
  return {
    plainMicros: median(measured.map((pair) => pair.plain)),
    accountedMicros: median(measured.map((pair) => pair.accounted)),
    overheadMicros: median(measured.map((pair) => pair.accounted - pair.plain)),
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
