import { existsSync } from 'node:fs'
import { silentLogger } from '#observability/logger.ts'
import { databaseHealth } from '#storage/database-health.ts'
import { openDatabaseToRead } from '#storage/database-pool.ts'
import { Failure } from '../failure.ts'
import { Note, type Patient } from './check.ts'

/** Whether the database opens, is whole and of this version. Changes nothing in it, and disturbs no server that has it. */
export async function checkDatabase({ config, clock, clocks }: Patient): Promise<string | Note> {
  const { url } = config.database
  if (url.startsWith('sqlite:') && !existsSync(url.slice('sqlite:'.length)))
    return new Note('A database that is not there yet cannot be looked at.')
  const database = await openDatabaseToRead({ ...config.database, logger: silentLogger })
  try {
    const { program, missing, unfinished, faults, clockMs } = await databaseHealth(database)
    if (clockMs !== undefined) clocks.push({ whose: 'the database', aheadMs: clockMs - clock.now() })
    if (faults.length > 0) throw new Failure(`The database (${program}): ${faults.join(' ')}`)
    const next = missing.length === 0 ? 'is of this version' : `is brought to this version by the next start`
    const going = unfinished.map(({ name, share }) => ` The migration ${name} is ${Math.floor(share * 100)} % done.`)
    return `The database (${program}) opens, is whole and ${next}.${going.join('')}`
  } finally {
    await database.close()
  }
}
