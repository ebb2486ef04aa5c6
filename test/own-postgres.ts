import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { postgresUrl, startPostgres } from './postgres-programs.ts'

/** A PostgreSQL server for one test alone. */
export interface OwnPostgres {
  readonly url: string
  /** Ends it and removes what it kept. */
  stop(): Promise<void>
}

/** Starts a server with settings of its own. */
export async function startOwnPostgres(settings: readonly string[]): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-pg-own-'))
  // The user that the server runs as has to get through.
  chmodSync(folder, 0o755)
  const data = join(folder, 'data')
  const server = await startPostgres(data, ['listen_addresses=', 'shared_buffers=16MB', ...settings])
  const stop = async (): Promise<void> => {
    const ended = once(server, 'exit')
    server.kill('SIGQUIT')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: postgresUrl(data), stop }
}
