import type { RequestContext } from './request-context.ts'

/** What is known of a request once its answer has been written. */
export interface Processed {
  readonly context: RequestContext
  readonly status: number
  /** Size of the answer's body. */
  readonly bytes: number
  /** From its arrival to its answer. */
  readonly tookMs: number
}

/** The line of a request for people, with everything in it; of the address only the route, so never a token or an id. */
export function processedText({ context, status, bytes, tookMs }: Processed): string {
  const { id, requester, device, ip, databaseWaitMs, databaseRunMs } = context
  const who = requester === undefined ? '-' : device === undefined ? requester : `${requester}/${device}`
  const waited = context.restedMs < 1 ? '' : ` waited=${ms(context.restedMs)}ms`
  return (
    `Processed request: ${id} ${who} ${ip} ${ms(tookMs)}ms cpu=${ms(context.cpuMs)}ms${waited} ` +
    `db=(${ms(databaseWaitMs)}ms/${ms(databaseRunMs)}ms/${context.databaseQueries}) rows=${context.databaseRows} ` +
    `events=${context.eventsLoaded} ${bytes}B ${status} "${context.method} ${context.path}"`
  )
}

/** The same as fields, for programs; times in milliseconds. */
export function processedFields({ context, status, bytes, tookMs }: Processed): object {
  return {
    request: context.id,
    method: context.method,
    route: context.path,
    status,
    bytes,
    requester: context.requester,
    device: context.device,
    ip: context.ip,
    ms: ms(tookMs),
    cpu_ms: ms(context.cpuMs),
    waited_ms: ms(context.restedMs),
    db_wait_ms: ms(context.databaseWaitMs),
    db_run_ms: ms(context.databaseRunMs),
    db_queries: context.databaseQueries,
    db_rows: context.databaseRows,
    events_loaded: context.eventsLoaded,
  }
}

function ms(value: number): number {
  return Math.round(value * 10) / 10
}
