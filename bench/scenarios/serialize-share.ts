import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { CoreScenario } from '../kit/core-scenario.ts'
import { Homeserver } from '../kit/homeserver.ts'
import { forEachAtOnce, measure, type Figures } from '../kit/measure.ts'
import { readProfile, shareOf, type Stretch } from '../kit/profile-share.ts'
import { startServer } from '../kit/server-process.ts'

const rooms = 20
const eventsPerRoom = 20
const pageEvents = 50
const pages = 2_000
const syncs = 300
const filter = JSON.stringify({ room: { timeline: { limit: eventsPerRoom } } })
const core = { name: 'serialize', file: 'src/rooms/client-events/serialize.ts' }

/** How long it takes to do something many times, after some to warm up. */
async function stretchOf(count: number, work: () => Promise<unknown>): Promise<Stretch> {
  await measure({ count: Math.ceil(count / 5), inFlight: 2, pid: undefined }, work)
  const from = process.hrtime.bigint()
  await measure({ count, inFlight: 2, pid: undefined }, work)
  return { from, to: process.hrtime.bigint() }
}

async function run(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-profile-'))
  const server = await startServer({ database: undefined, profile: folder })
  const homeserver = new Homeserver(server.url, undefined)
  let stretches: { readonly messages: Stretch; readonly sync: Stretch } | undefined
  try {
    const reader = await homeserver.register('reader')
    const roomIds = await forEachAtOnce(Array.from({ length: rooms }), 4, () => homeserver.createRoom(reader))
    await forEachAtOnce(roomIds, 4, async (room) => {
      for (let event = 0; event < eventsPerRoom; event++) await homeserver.send(reader, room)
    })
    const busy = await homeserver.createRoom(reader)
    for (let event = 0; event < 2 * pageEvents; event++) await homeserver.send(reader, busy)
    const told = (await homeserver.sync(reader, { filter })).match(/Event number/g)?.length ?? 0
    if (told < (rooms + 1) * eventsPerRoom) throw new Error(`the sync tells ${told} events`)
    stretches = {
      messages: await stretchOf(pages, () => homeserver.messages(reader, busy, pageEvents)),
      sync: await stretchOf(syncs, () => homeserver.sync(reader, { filter })),
    }
  } finally {
    homeserver.close()
    await server.stop()
  }
  const profile = readProfile(folder)
  rmSync(folder, { recursive: true, force: true })
  return {
    messagesPercent: 100 * shareOf(profile, stretches.messages, core),
    syncPercent: 100 * shareOf(profile, stretches.sync, core),
  }
}

/** Which part of a page of messages, and of a first sync, is the making of the events' texts, by a profile of the server. */
export const serializeShareScenario: CoreScenario = {
  name: 'serialize-share',
  about: `of a page of ${pageEvents}, of a sync of ${rooms} rooms of ${eventsPerRoom}`,
  targets: { messagesPercent: { max: 15 }, syncPercent: { max: 15 } },
  run,
}
