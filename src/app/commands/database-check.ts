import { silentLogger } from '#observability/logger.ts'
import { RoomState } from '#rooms/room-state.ts'
import { UnreadCounts } from '#rooms/unread-counts.ts'
import { openDatabaseToRead } from '#storage/database-pool.ts'
import { exitCode, houseOptions, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'

/** Holds the tables that are derived from events to the events. */
export const databaseCheck: Command = {
  name: 'database check',
  about:
    "Works out every room's state, members and unread counts anew and says where the tables differ. Changes nothing.",
  positionals: [],
  options: houseOptions,
  run: async (given, terminal) => {
    const { config } = findHouse(given)
    const database = await openDatabaseToRead({ url: config.database.url, logger: silentLogger })
    try {
      let rooms = 0
      let faults = 0
      for await (const room of RoomState.faults(database)) {
        rooms += 1
        faults += room.faults.length
        for (const fault of room.faults) terminal.print(`WRONG  ${room.roomId}: ${fault}`)
      }
      for await (const room of UnreadCounts.faults(database, config.serverName)) {
        faults += room.faults.length
        for (const fault of room.faults) terminal.print(`WRONG  ${room.roomId}: ${fault}`)
      }
      terminal.print(`${rooms} rooms were looked at; ${faults} faults were found.`)
      return faults === 0 ? exitCode.fine : exitCode.failed
    } finally {
      await database.close()
    }
  },
}
