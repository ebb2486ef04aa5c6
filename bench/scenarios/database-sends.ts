import { median } from '../kit/core-scenario.ts'
import type { DatabasePlace, DatabaseScenario } from '../kit/database-place.ts'
import type { Figures } from '../kit/measure.ts'
import { withSendingServer, type SendLoad } from '../kit/sending-server.ts'

/** How often both are measured, in turns; what is told is the middle. */
const rounds = 7
const serial: SendLoad = { count: 1_000, inFlight: 1, rooms: 1 }
const many: SendLoad = { count: 4_000, inFlight: 32, rooms: 16 }

async function grouping(place: DatabasePlace): Promise<Figures> {
  return withSendingServer({ place, rooms: many.rooms }, async ({ send }) => {
    const found: { readonly one: number; readonly all: number }[] = []
    for (let round = 0; round <= rounds; round += 1) found.push({ one: await send(serial), all: await send(many) })
    // The first was to warm up.
    found.shift()
    return {
      serialPerSecond: median(found.map(({ one }) => one)),
      manyPerSecond: median(found.map(({ all }) => all)),
      ratio: median(found.map(({ one, all }) => all / one)),
    }
  })
}

/** What it brings that durable sends share their commits, and the waits for the disk and the network. */
export const sendsScenario: DatabaseScenario = {
  name: 'database-sends',
  about: `durable sends, alone and ${many.inFlight} in flight`,
  targets: { ratio: { min: 4 } },
  run: grouping,
}
