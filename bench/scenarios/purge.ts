import { openRoomsFloor, someone } from '../../test/rooms-floor.ts'
import type { DatabaseScenario } from '../kit/database-place.ts'
import { percentiles } from '../kit/measure.ts'
import { aRoom, fill } from '../kit/room-load.ts'
import { fillWithMessages } from './storage.ts'

/** One room's history goes while somebody sends in it and in another, one after another. */
function purge(events: number): DatabaseScenario {
  return {
    name: `purge-${events}`,
    about: `history of ${events} events goes while people send`,
    targets: { seconds: { max: 120 }, sendP99Ms: { max: 50 } },
    run: async (place) => {
      const database = await place.open()
      const floor = await openRoomsFloor(database)
      const room = await aRoom(floor)
      await fill(floor, room, 1_000)
      const depth = await fillWithMessages(floor, room, events)
      const other = await aRoom(floor)
      const alice = someone('alice')
      const latencies: number[] = []
      const over = new AbortController()
      const started = performance.now()
      const purging = floor.purge.history(room, depth).finally(() => over.abort())
      while (!over.signal.aborted) {
        for (const target of [room, other]) {
          const before = performance.now()
          await floor.sendEvent.send({
            requester: alice,
            room: target,
            type: 'm.room.message',
            content: { body: 'meanwhile' },
          })
          latencies.push(performance.now() - before)
        }
      }
      await purging
      const seconds = (performance.now() - started) / 1000
      await database.close()
      latencies.sort((a, b) => a - b)
      const sendP99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? NaN
      return {
        seconds,
        ...percentiles(latencies),
        sendP99Ms,
        sendMaxMs: latencies.at(-1) ?? NaN,
        sends: latencies.length,
      }
    },
  }
}

export const purgeScenarios: readonly DatabaseScenario[] = [purge(20_000), purge(500_000)]
