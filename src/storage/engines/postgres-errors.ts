import { DatabaseError } from '../database-error.ts'

/** The five characters by which PostgreSQL names what went wrong, of an error or of its cause. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof DatabaseError) return sqlState(error.cause)
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether the transaction has to run again because another one was in its way. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

/** The server shuts down, has crashed, starts up, or has no connection left; or the connection broke. */
const awayStates: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOENT',
])

/** Whether the server is away for a while, so that the same may work a little later. */
export function isAway(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) return awayStates.has(state) || state.startsWith('08')
  // The client's own words for a connection that broke or did not come about have no code.
  return (
    error instanceof Error &&
    /^(Connection terminated|timeout expired|Client has encountered|Client was closed)/.test(error.message)
  )
}

/** Whether no space is left where the server keeps the database. */
export function isFull(error: unknown): boolean {
  return sqlState(error) === '53100'
}
