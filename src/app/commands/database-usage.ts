import { silentLogger } from '#observability/logger.ts'
import { openDatabaseToRead } from '#storage/database-pool.ts'
import { relationUsage, roomUsage, type RelationUsage } from '#storage/database-usage.ts'
import { exitCode, houseOptions, inColumns, textOption, UsageError, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'

const roomsDefault = '20'

/** Says what takes up the database's space. */
export const databaseUsage: Command = {
  name: 'database usage',
  about: 'Says what each table and the largest rooms take of the database. The server may go on running.',
  positionals: [],
  options: {
    ...houseOptions,
    rooms: { type: 'string', value: 'COUNT', about: `How many rooms to name, the largest first (${roomsDefault}).` },
  },
  run: async (given, terminal) => {
    const rooms = textOption(given, 'rooms') ?? roomsDefault
    if (!/^\d{1,6}$/.test(rooms)) throw new UsageError('--rooms takes a number')
    const { config } = findHouse(given)
    const database = await openDatabaseToRead({ url: config.database.url, logger: silentLogger })
    try {
      const tables = bytesByTable(await relationUsage(database))
      const all = tables.reduce((sum, [, bytes]) => sum + bytes, 0)
      terminal.print(
        inColumns([['all', size(all)], ...tables.map(([name, bytes]) => [name, size(bytes)] as const)]).join('\n'),
      )
      const rows = await database.runInteraction('room_usage', (txn) => roomUsage(txn, Number(rooms)), {
        readOnly: true,
        mayTakeLong: true,
      })
      const ofRoom = rows.map(
        ({ roomId, events, eventBytes, stateBytes, activeTs }) =>
          [roomId, `${events} events, ${size(eventBytes)}; states ${size(stateBytes)}${lastActive(activeTs)}`] as const,
      )
      if (ofRoom.length > 0) terminal.print(['', 'Rooms, without indexes:', ...inColumns(ofRoom)].join('\n'))
      return exitCode.fine
    } finally {
      await database.close()
    }
  },
}

/** Tables with their indexes, largest first. */
function bytesByTable(relations: readonly RelationUsage[]): [string, number][] {
  const tables = new Map<string, number>()
  for (const { table, bytes } of relations) tables.set(table, (tables.get(table) ?? 0) + bytes)
  return [...tables].sort(([, a], [, b]) => b - a)
}

function lastActive(activeTs: number | null): string {
  return activeTs === null ? '' : `; active ${new Date(activeTs).toISOString().slice(0, 10)}`
}

function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
