import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { CoreScenario } from '../kit/core-scenario.ts'
import { answerDashboard, faultsOf } from '../kit/dashboard.ts'
import { drawDashboard } from '../kit/dashboard-picture.ts'
import { Homeserver, nextBatch, type BenchUser } from '../kit/homeserver.ts'
import { forEachAtOnce, type Figures } from '../kit/measure.ts'
import { Prometheus } from '../kit/prometheus.ts'
import { startServer } from '../kit/server-process.ts'

const people = 12
/** How long people talk, and how much of its beginning is left out, before there is a rate of anything. */
const talkMs = 30_000
const settleMs = 8_000
const pauseMs = 40

/** Several people in two rooms: some write, all have a long poll open, some read back. Ends when `until` has come. */
async function talk(homeserver: Homeserver, until: number): Promise<void> {
  const names = Array.from({ length: people }, (_, index) => `talker-${index}`)
  const [host, ...guests] = await forEachAtOnce(names, 4, (name) => homeserver.register(name))
  if (host === undefined) throw new Error('no user was registered')
  const rooms = [await homeserver.createRoom(host), await homeserver.createRoom(host)]
  for (const room of rooms) await forEachAtOnce(guests, 4, (guest) => homeserver.join(guest, room))
  const goesOn = (): boolean => performance.now() < until
  const listen = async (user: BenchUser): Promise<void> => {
    let since = nextBatch(await homeserver.sync(user))
    while (goesOn()) since = nextBatch(await homeserver.sync(user, { since, timeoutMs: 500 }))
  }
  const write = async (user: BenchUser, room: string): Promise<void> => {
    while (goesOn()) {
      await homeserver.send(user, room)
      await delay(pauseMs)
    }
  }
  const readBack = async (user: BenchUser, room: string): Promise<void> => {
    while (goesOn()) {
      await homeserver.messages(user, room, 50)
      await homeserver.sync(user)
      await delay(pauseMs * 10)
    }
  }
  await Promise.all([
    ...[host, ...guests].map(listen),
    ...rooms.flatMap((room) => [write(host, room), ...guests.slice(0, 3).map((guest) => write(guest, room))]),
    ...rooms.map((room) => readBack(host, room)),
  ])
}

async function render(): Promise<Figures> {
  const server = await startServer({ database: undefined, profile: false, metrics: true })
  const prometheus = await Prometheus.start(new URL(server.metricsUrl).host)
  const homeserver = new Homeserver(server.url, undefined)
  try {
    const start = Date.now() + settleMs
    await talk(homeserver, performance.now() + talkMs)
    const panels = await answerDashboard(prometheus, start / 1000, Date.now() / 1000)
    const { empty, notNumbers } = faultsOf(panels)
    for (const name of empty) process.stdout.write(`  nothing: ${name}\n`)
    for (const name of notNumbers) process.stdout.write(`  not a number: ${name}\n`)
    const picture = await drawDashboard(panels, mkdtempSync(join(tmpdir(), 'tessera-dashboard-')))
    process.stdout.write(`  to be looked at: ${picture}\n`)
    const expressions = panels.reduce((sum, { answered }) => sum + answered.length, 0)
    return { panels: panels.length, expressions, empty: empty.length, notNumbers: notNumbers.length }
  } finally {
    homeserver.close()
    await prometheus.stop()
    await server.stop()
  }
}

export const dashboardScenario: CoreScenario = {
  name: 'dashboard',
  about: 'every panel, by Prometheus from a server under load',
  targets: { empty: { max: 0 }, notNumbers: { max: 0 } },
  run: render,
}
