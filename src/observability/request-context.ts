import { AsyncLocalStorage } from 'node:async_hooks'
import type { TraceHeaders } from './trace-headers.ts'

import { forEverybody } from './asker.ts'

/** What the database did for a piece of work. */
export interface DatabaseAccount {
  /** Time waited for a connection or for the writer, in milliseconds. */
  databaseWaitMs: number
  /** Time spent inside interactions, commit included, in milliseconds. */
  databaseRunMs: number
  databaseQueries: number
  /** Rows that came out of the database, or were changed in it. */
  databaseRows: number
}

/**
 * What is known of the request, or of the work in the background, that the running code works for. It travels with the
 * call, so that a log line or a measurement made five floors down says whose it is. The counters are added to by the
 * floor they are named after. Work that several requests share counts for the one that began it.
 */
export interface RequestContext extends DatabaseAccount {
  /** Unique within this process. */
  readonly id: string
  /** True for work of our own, which no client waits for. */
  readonly background: boolean
  /** Empty for work in the background. */
  readonly method: string
  /** The endpoint's path as declared (`/_matrix/client/v3/rooms/{roomId}/leave`), never the address itself; or the name of the work. */
  readonly path: string
  /** The client's address, behind the proxies that are trusted. Asked for when it is written. */
  readonly ip: string
  /** Who asks, once known: a user, for a client's request. */
  requester: string | undefined
  device: string | undefined
  /** The trace it belongs to and the span under which what is done for it stands; undefined when it is not traced. */
  trace?: TraceHeaders | undefined
  /** Stored events read for it. */
  eventsLoaded: number
  /** Its share of this thread's processor time, and where that stood when it last began to be worked on (`cpu-shares.ts`). */
  cpuMs: number
  cpuSince: number
  /** Time in which it waited for something to happen, as a long poll does. */
  restedMs: number
}

/** The counters of a context, at their start. */
export function noCounts(): Pick<
  RequestContext,
  'eventsLoaded' | 'cpuMs' | 'cpuSince' | 'restedMs' | keyof DatabaseAccount
> {
  return {
    eventsLoaded: 0,
    cpuMs: 0,
    cpuSince: 0,
    restedMs: 0,
    databaseWaitMs: 0,
    databaseRunMs: 0,
    databaseQueries: 0,
    databaseRows: 0,
  }
}

const contexts = new AsyncLocalStorage<RequestContext>()

/** Runs `task` on behalf of a request; everything it calls and awaits sees `context`. */
export function runInRequest<T>(context: RequestContext, task: () => T): T {
  return contexts.run(context, task)
}

/** The request, or named work in the background, that the running code works for; undefined outside both. */
export function currentRequest(): RequestContext | undefined {
  return contexts.getStore()
}

/** Counts stored events that were read for the request that the running code works for. */
export function countEvents(count: number): void {
  const context = contexts.getStore()
  if (context !== undefined) context.eventsLoaded += count
}

let backgroundRuns = 0

/** Runs work that no client waits for under a name of its own (snake_case, a constant), also when a request began it. */
export function runInBackground<T>(name: string, task: () => T): T {
  backgroundRuns += 1
  return contexts.run(
    {
      id: `${name}-${backgroundRuns}`,
      background: true,
      method: '',
      path: name,
      ip: '',
      requester: undefined,
      device: undefined,
      ...noCounts(),
    },
    () => forEverybody(task),
  )
}

/** Counts processor time that a worker thread has used for the request that the running code works for. */
export function countThreadCpu(cpuMs: number): void {
  const context = contexts.getStore()
  if (context !== undefined) context.cpuMs += cpuMs
}
