import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * What is known of the request that the running code works for. It travels with the call, so that a log line or a
 * measurement made five floors down says whose it is. The counters are added to by the floor they are named after.
 */
export interface RequestContext {
  /** Unique within this process. */
  readonly id: string
  readonly method: string
  /** The endpoint's path as declared (`/_matrix/client/v3/rooms/{roomId}/leave`), never the address itself. */
  readonly path: string
  /** Who asks, once known: a user, for a client's request. */
  requester: string | undefined
  /** Time waited for a database connection, in milliseconds. */
  databaseWaitMs: number
  /** Time spent inside interactions, in milliseconds. */
  databaseRunMs: number
  databaseQueries: number
}

const contexts = new AsyncLocalStorage<RequestContext>()

/** Runs `task` on behalf of a request; everything it calls and awaits sees `context`. */
export function runInRequest<T>(context: RequestContext, task: () => T): T {
  return contexts.run(context, task)
}

/** The request that the running code works for; undefined for work of our own. */
export function currentRequest(): RequestContext | undefined {
  return contexts.getStore()
}
