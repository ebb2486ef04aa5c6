import { nextBatch } from '../kit/homeserver.ts'
import { cpuMs } from '../kit/process-figures.ts'
import { forEachAtOnce, measure, percentiles } from '../kit/measure.ts'
import type { Scenario, Stage } from '../kit/scenario.ts'

const syncRooms = 5
const eventsPerRoom = 20
/** Servers choose how much of a timeline a first sync has; 10 is the least that we have seen. */
const timelineMin = 10
const pollers = 100
const fanoutRounds = 30

/** A user of its own in five rooms with some events each: other scenarios leave their users in many rooms. */
async function reader(stage: Stage): Promise<{ userId: string; token: string }> {
  const user = await stage.homeserver.register(`reader-${process.hrtime.bigint()}`)
  for (let index = 0; index < syncRooms; index += 1) {
    const room = await stage.homeserver.createRoom(user)
    for (let event = 0; event < eventsPerRoom; event += 1) await stage.homeserver.send(user, room)
  }
  return user
}

async function fanout(stage: Stage): ReturnType<Scenario['run']> {
  const { homeserver, pid } = stage
  const numbers = Array.from({ length: pollers + 1 }, (_, index) => index)
  const run = process.hrtime.bigint()
  const [host, ...guests] = await forEachAtOnce(numbers, 4, (number) => homeserver.register(`poller-${run}-${number}`))
  if (host === undefined) throw new Error('no user was registered')
  const room = await homeserver.createRoom(host)
  await forEachAtOnce(guests, 4, (guest) => homeserver.join(guest, room))
  const tokens = await forEachAtOnce(guests, 4, async (guest) => nextBatch(await homeserver.sync(guest)))
  // Whatever came between the first joins and the last is read, so that every poll below really waits.
  for (const [index, guest] of guests.entries()) {
    tokens[index] = nextBatch(await homeserver.sync(guest, { since: tokens[index] ?? '' }))
  }
  const latencies: number[] = []
  let used = 0
  for (let round = 0; round < fanoutRounds + 2; round += 1) {
    const answered: number[] = []
    const polls = guests.map(async (guest, index) => {
      const sync = await homeserver.sync(guest, { since: tokens[index] ?? '', timeoutMs: 20_000 })
      answered.push(performance.now())
      if (!sync.includes('Event number')) throw new Error('a long poll ended without the event')
      tokens[index] = nextBatch(sync)
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const cpuBefore = pid === undefined ? 0 : (cpuMs(pid) ?? 0)
    const sent = performance.now()
    await homeserver.send(host, room)
    await Promise.all(polls)
    // The first rounds warm up.
    if (round < 2) continue
    if (pid !== undefined) used += (cpuMs(pid) ?? 0) - cpuBefore
    latencies.push(...answered.map((at) => at - sent))
  }
  return { ...percentiles(latencies), ...(pid === undefined ? {} : { cpuMs: used / (fanoutRounds * pollers) }) }
}

export const syncScenarios: readonly Scenario[] = [
  {
    name: 'syncInitial',
    about: `first sync of ${syncRooms} rooms`,
    targets: { cpuMs: { max: 2 } },
    run: async (stage) => {
      const user = await reader(stage)
      const events = (await stage.homeserver.sync(user)).match(/Event number/g)?.length ?? 0
      if (events < syncRooms * timelineMin) throw new Error(`the first sync has ${events} events`)
      await measure({ count: 50, inFlight: 1, pid: undefined }, () => stage.homeserver.sync(user))
      return measure({ count: 500, inFlight: 1, pid: stage.pid }, () => stage.homeserver.sync(user))
    },
  },
  {
    name: 'syncEmpty',
    about: 'nothing new, no waiting',
    targets: { cpuMs: { max: 0.15 } },
    run: async (stage) => {
      const user = await reader(stage)
      const since = nextBatch(await stage.homeserver.sync(user))
      await measure({ count: 300, inFlight: 1, pid: undefined }, () => stage.homeserver.sync(user, { since }))
      return measure({ count: 4_000, inFlight: 1, pid: stage.pid }, () => stage.homeserver.sync(user, { since }))
    },
  },
  {
    name: 'fanout',
    about: `one event to ${pollers} long polls, each`,
    targets: { p50Ms: { max: 10 }, cpuMs: { max: 0.15 } },
    run: fanout,
  },
]
