import { measure } from '../kit/measure.ts'
import { oneUser, type Scenario, type Stage } from '../kit/scenario.ts'

async function rooms(stage: Stage, count: number): Promise<string[]> {
  const user = await oneUser(stage)
  const roomIds: string[] = []
  for (let index = 0; index < count; index += 1) roomIds.push(await stage.homeserver.createRoom(user))
  return roomIds
}

interface SendLoad {
  readonly rooms: number
  readonly count: number
  readonly inFlight: number
}

async function sendTo(stage: Stage, load: SendLoad): ReturnType<Scenario['run']> {
  const user = await oneUser(stage)
  const roomIds = await rooms(stage, load.rooms)
  const send = (index: number): Promise<void> => stage.homeserver.send(user, roomIds[index % load.rooms] ?? '')
  await measure({ count: load.count / 10, inFlight: load.inFlight, pid: undefined }, send)
  return measure({ count: load.count, inFlight: load.inFlight, pid: stage.pid }, send)
}

export const sendScenarios: readonly Scenario[] = [
  {
    name: 'send',
    about: 'one event after another',
    targets: { p50Ms: { max: 1.3 }, cpuMs: { max: 0.6 } },
    run: (stage) => sendTo(stage, { rooms: 1, count: 1_500, inFlight: 1 }),
  },
  {
    name: 'send16rooms',
    about: '16 rooms, 32 in flight',
    targets: { perSecond: { min: 4_000 }, cpuMs: { max: 0.25 } },
    run: (stage) => sendTo(stage, { rooms: 16, count: 20_000, inFlight: 32 }),
  },
  {
    name: 'send1room',
    about: 'one room, 16 in flight',
    targets: { perSecond: { min: 3_000 } },
    run: (stage) => sendTo(stage, { rooms: 1, count: 15_000, inFlight: 16 }),
  },
]
