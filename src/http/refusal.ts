import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '#observability/logger.ts'
import { noCounts, type RequestContext } from '#observability/request-context.ts'
import { errorToAnswer } from './errors-to-response.ts'
import type { OpenRequests } from './open-requests.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { isApiPath, writeAnswer } from './response.ts'

/** What stands in log and metrics for an address that no endpoint has: the address itself may hold anything. */
const noRoute = 'unknown'

/**
 * Gives the function that answers requests which come to no endpoint, or not as far as its pipeline (a body that is too
 * large, an address that cannot be read), and accounts for them as for any other.
 */
export function refusal(deps: {
  readonly open: OpenRequests
  readonly logger: Logger
  readonly metrics?: RequestMetrics | undefined
}): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  const { open, logger, metrics } = deps
  return (error, request, reply) => {
    reply.hijack()
    const context = contextOf(request)
    const answer = errorToAnswer(error, logger)
    const given = { cors: isApiPath(request.raw.url ?? '/'), lastOne: open.stopping, requestId: context.id }
    const bytes = writeAnswer(reply.raw, answer, given)
    const tookMs = reply.elapsedTime
    const status = reply.raw.statusCode
    metrics?.counterFor(context.method, context.path)(status, tookMs, bytes)
    logger.processed({ context, status, bytes, tookMs }, false)
  }
}

function contextOf(request: FastifyRequest): RequestContext {
  return {
    id: request.id,
    background: false,
    method: request.method,
    path: declaredPath(request) ?? noRoute,
    ip: request.ip,
    requester: undefined,
    device: undefined,
    ...noCounts(),
  }
}

/** What `declared` left with the endpoint that the request came to; undefined when it came to none. */
function declaredPath(request: FastifyRequest): string | undefined {
  const { routeOptions } = request as { readonly routeOptions?: { readonly config?: { readonly path?: string } } }
  return routeOptions?.config?.path
}

/** Leaves the path of an endpoint, as it is declared, with the endpoint. */
export function declared(path: string): { readonly config: { readonly path: string } } {
  return { config: { path } }
}
