import { median } from '../kit/core-scenario.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
import type { Figures } from '../kit/measure.ts'
import { threadMicros } from '../kit/process-figures.ts'
import { withSendingServer, type SendingServer, type SendLoad } from '../kit/sending-server.ts'
import { Wire } from '../kit/wire.ts'

/**
 * One server, whose accounting is taken out and put back between bursts: other programs disturb single bursts, and what
 * is told is the middle of pairs that follow each other. Every other pair begins with the accounted burst.
 */
const pairs = 41
/** The first are to warm up: both ways have to be compiled. */
const pairsToWarmUp = 4
const burst: SendLoad = { count: 2_000, inFlight: 32, rooms: 16 }
/** Sent after each change and not measured. */
const settling: SendLoad = { ...burst, count: 200 }
const preload = new URL('../kit/strippable-accounting.ts', import.meta.url)

/** What one burst took. */
interface Burst {
  readonly perSecond: number
  /** The server's processor time for each send. */
  readonly cpuMicros: number
}

interface Pair {
  readonly plain: Burst
  readonly accounted: Burst
}

/** How many interactions the server has counted since its start. */
async function countedInteractions(wire: Wire): Promise<number> {
  const { body } = await wire.request('GET', '/metrics')
  const counts = body.matchAll(/^tessera_database_interaction_run_seconds_count\{.*\} (\d+)$/gm)
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** A burst with accounting or without; by the metrics before and after it is made sure which of them it was. */
async function burstOf({ pid, send }: SendingServer, metrics: Wire, accounted: boolean): Promise<Burst> {
  await send(settling)
  const counted = await countedInteractions(metrics)
  const before = threadMicros(pid) ?? NaN
  const perSecond = await send(burst)
  const cpuMicros = ((threadMicros(pid) ?? NaN) - before) / burst.count
  const more = (await countedInteractions(metrics)) - counted
  if (accounted ? more < burst.count : more > 0) throw new Error(`${more} interactions were counted in a burst`)
  return { perSecond, cpuMicros }
}

async function inTurns(server: SendingServer, metrics: Wire): Promise<Pair[]> {
  // As a server starts.
  let accounted = true
  const next = (wanted: boolean): Promise<Burst> => {
    if (wanted !== accounted) process.kill(server.pid, 'SIGUSR2')
    accounted = wanted
    return burstOf(server, metrics, wanted)
  }
  const found: Pair[] = []
  while (found.length < pairsToWarmUp + pairs) {
    const accountedFirst = found.length % 2 === 1
    const first = await next(accountedFirst)
    const second = await next(!accountedFirst)
    found.push(accountedFirst ? { accounted: first, plain: second } : { plain: first, accounted: second })
  }
  return found.slice(pairsToWarmUp)
}

/**
 * `ratio` is by how much more is sent in the same time without accounting, the middle one of all pairs; half of them lie
 * between `ratioLow` and `ratioHigh`. `cpuRatio` and `addedMicros` are of the server's processor time for each send.
 */
async function overheadOfSends(place: DatabasePlace): Promise<Figures> {
  return withSendingServer({ place, rooms: burst.rooms, metrics: true, preload }, async (server) => {
    const metrics = new Wire(server.metricsUrl)
    const found = await inTurns(server, metrics).finally(() => metrics.close())
    const ratios = found.map(({ plain, accounted }) => plain.perSecond / accounted.perSecond).toSorted((a, b) => a - b)
    const at = (part: number): number => ratios[Math.floor(ratios.length * part)] ?? NaN
    return {
      plainPerSecond: median(found.map(({ plain }) => plain.perSecond)),
      ratio: at(0.5),
      ratioLow: at(0.25),
      ratioHigh: at(0.75),
      cpuRatio: median(found.map(({ plain, accounted }) => accounted.cpuMicros / plain.cpuMicros)),
      addedMicros: median(found.map(({ plain, accounted }) => accounted.cpuMicros - plain.cpuMicros)),
    }
  })
}

/** What it costs a server whose metrics are read that each interaction is named, timed and counted for its request. */
export const accountingScenario: DatabaseScenario = {
  name: 'database-accounting',
  about: `sends without and with accounting, ${burst.inFlight} in flight`,
  targets: { ratio: { max: 1.03 } },
  run: overheadOfSends,
}
