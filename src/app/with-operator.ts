import { silentLogger } from '#observability/logger.ts'
import { Streams } from '#streams/streams.ts'
import type { Config } from './config.ts'
import { controlSocketPath, operatorBehind } from './control-socket.ts'
import { layGround } from './floors/ground.ts'
import { openStorage } from './floors/storage.ts'
import { openUsers } from './floors/users.ts'
import { HouseOperator, type Operator } from './operator.ts'

/**
 * Lets `work` be done on the homeserver of this configuration: by the running server when there is one, otherwise by
 * this process, which opens the lower floors for it.
 */
export async function withOperator<T>(config: Config, work: (operator: Operator) => Promise<T>): Promise<T> {
  const socket = controlSocketPath(config.dataFolder)
  const running = socket === undefined ? undefined : await operatorBehind(socket)
  if (running !== undefined) return work(running)
  const ground = layGround(config, silentLogger)
  const storage = await openStorage(ground)
  try {
    const streams = await Streams.open(storage)
    const users = openUsers({ ...ground, ...storage, streams })
    return await work(new HouseOperator({ ...ground, ...users }))
  } finally {
    await storage.database.close()
  }
}
