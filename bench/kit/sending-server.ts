import type { DatabasePlace } from './database-place.ts'
import { Homeserver } from './homeserver.ts'
import { forEachAtOnce, measure } from './measure.ts'
import { startServer, type ServerOptions, type ServerProcess } from './server-process.ts'

/** Rooms that are made at once. */
const creatingMax = 4

/** How much is sent, and how. */
export interface SendLoad {
  readonly count: number
  readonly inFlight: number
  /** Into how many of the rooms, in turns. */
  readonly rooms: number
}

/** A server process on a database of its own, with somebody who sends into rooms there. */
export interface SendingServer extends Pick<ServerProcess, 'pid' | 'metricsUrl'> {
  /** Sends by HTTP; gives how many a second were answered. */
  send(load: SendLoad): Promise<number>
}

/** Starts a server on the database of `place` and makes `rooms` rooms there; lets `work` use it, and ends it. */
export async function withSendingServer<T>(
  { place, rooms, ...options }: { readonly place: DatabasePlace; readonly rooms: number } & Partial<ServerOptions>,
  work: (server: SendingServer) => Promise<T>,
): Promise<T> {
  const server = await startServer({ profile: false, ...options, database: await place.url() })
  const homeserver = new Homeserver(server.url, undefined)
  try {
    const user = await homeserver.register('sender')
    const roomIds = await forEachAtOnce(Array.from({ length: rooms }), creatingMax, () => homeserver.createRoom(user))
    const send = async (load: SendLoad): Promise<number> => {
      const toNext = (index: number): Promise<void> => homeserver.send(user, roomIds[index % load.rooms] ?? '')
      const { perSecond = NaN } = await measure({ ...load, pid: undefined }, toNext)
      return perSecond
    }
    return await work({ ...server, send })
  } finally {
    homeserver.close()
    await server.stop()
  }
}
