import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'

import { postgresUrl, startPostgres } from '../../test/postgres-programs.ts'

/**
 * As PostgreSQL comes, so that every commit is on the disk before it is answered, but for the two settings that every
 * guide changes first: memory for its pages, and how much it may log between two checkpoints.
 */
const settings = ['listen_addresses=', 'max_connections=100', 'shared_buffers=1GB', 'max_wal_size=4GB']

/** A server of this run's own; the one that tests share forgets what it has committed when the power goes. */
export interface DurablePostgres {
  /** Makes an empty database and gives its address; `drop` removes it. */
  createDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }>
  /** Ends the server and removes what it kept. */
  stop(): Promise<void>
}

/** Starts the server in a folder of its own. */
export async function startDurablePostgres(): Promise<DurablePostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bench-pg-'))
  const data = join(folder, 'data')
  // The user that the server runs as has to get through.
  chmodSync(folder, 0o755)
  const server = await startPostgres(data, settings)
  server.unref()
  const endWithUs = (): void => void server.kill('SIGQUIT')
  process.once('exit', endWithUs)
  const asAdmin = async (sql: string): Promise<void> => {
    const admin = new pg.Client({ connectionString: postgresUrl(data) })
    await admin.connect()
    await admin.query(sql).finally(() => admin.end())
  }
  return {
    createDatabase: async () => {
      const name = `bench_${randomBytes(6).toString('hex')}`
      await asAdmin(`CREATE DATABASE ${name} TEMPLATE template0`)
      const url = postgresUrl(data).replace('/postgres?', `/${name}?`)
      return { url, drop: () => asAdmin(`DROP DATABASE ${name} WITH (FORCE)`) }
    },
    stop: async () => {
      process.off('exit', endWithUs)
      server.ref()
      const ended = once(server, 'exit')
      server.kill('SIGINT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
