import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'
import { askedBy, forEverybody } from '#observability/asker.ts'
import { beginWork, endWork } from '#observability/cpu-shares.ts'
import { noCounts, runInRequest, type RequestContext } from '#observability/request-context.ts'
import { requestSpan } from '#observability/spans.ts'
import { MatrixError } from '#protocol/errors.ts'
import { accessTokenOf } from './access-token.ts'
import { clientGone, goneStatus, isClientGone, WaitingClient } from './client-gone.ts'
import { errorToAnswer } from './errors-to-response.ts'
import type { OpenRequests } from './open-requests.ts'
import type { RateLimits } from './rate-limits.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { readFormBody, readJsonBody } from './request-body.ts'
import { isApiPath, writeAnswer } from './response.ts'
import type { Answer, Call, JsonText, Route } from './route.ts'
import { checkerFor, queryReaderFor, type RawQuery } from './validation.ts'

/** Who may come in: what the pipeline has to know of those who ask, without knowing what they are. */
export interface Doorkeeper<Requester> {
  /** Whose token it is. Throws `M_UNKNOWN_TOKEN` for one that is nobody's. */
  requesterOf(token: string, from: { readonly ip: string; readonly userAgent: string }): Promise<Requester>
  isAdmin(requester: Requester): boolean
  /** The name under which a requester is limited and stands in the log. */
  nameOf(requester: Requester): string
  /** The device it uses, for the log. */
  deviceOf?(requester: Requester): string | undefined
}

export interface PipelineDeps<Requester> {
  readonly doorkeeper: Doorkeeper<Requester>
  readonly limits: RateLimits
  readonly open: OpenRequests
  readonly clock: Clock
  readonly logger: Logger
  /** Where requests are counted. */
  readonly metrics?: RequestMetrics | undefined
  /** A request that takes longer, waits for something to happen left out, is a warning in the log. */
  readonly slowRequestMs?: number | undefined
}

/** A request from which the body has been read, in Fastify's hands. */
type Request = FastifyRequest & { readonly body: Buffer | undefined }

/**
 * Gives the function that serves one endpoint. The steps of a request, and how each may end it:
 *
 *     path known, method known                          M_UNRECOGNIZED 404, 405   (server.ts)
 *       → body within its limit                         M_TOO_LARGE               (Fastify)
 *       → token known                                   M_MISSING_TOKEN, M_UNKNOWN_TOKEN, M_FORBIDDEN
 *       → within the rate limit                         M_LIMIT_EXCEEDED
 *       → path, query and body as the schemas say       M_NOT_JSON, M_BAD_JSON, M_MISSING_PARAM, M_INVALID_PARAM
 *       → handler                                       whatever MatrixError it throws; M_UNKNOWN for anything else
 *       → answer, one line in the log
 */
export function serve<Requester>(
  route: Route<Requester>,
  deps: PipelineDeps<Requester>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const { open, clock, logger, slowRequestMs = Infinity } = deps
  const counted = deps.metrics?.counterFor(route.method, route.path)
  const admit = admission(route, deps)
  const read = inputReader(route)
  const handle = handling(route, logger)
  const answerCall = async (
    request: Request,
    context: RequestContext,
    call: MutableCall<Requester>,
  ): Promise<object> => {
    try {
      call.requester = await admit(request, call)
      if (call.requester !== undefined) {
        context.requester = deps.doorkeeper.nameOf(call.requester)
        context.device = deps.doorkeeper.deviceOf?.(call.requester)
      }
      read(request, call)
      // Whoever has gone while its turn came is not worked for; a write that has begun would go on.
      if (call.client.gone) throw clientGone()
      return await handle(call)
    } catch (error) {
      return errorToAnswer(error, logger, route.errorPage)
    }
  }
  return async (fastifyRequest, reply) => {
    const request = fastifyRequest as Request
    reply.hijack()
    open.opened()
    const started = clock.monotonic()
    const context = contextOf(request, route)
    const call = new MutableCall<Requester>(request, reply, open)
    beginWork(context)
    const traced = requestSpan(context, call)
    const answer = await runInRequest(context, () => askedBy(call.client, () => answerCall(request, context, call)))
    const { raw } = reply
    const lastOne = open.stopping
    const bytes = writeAnswer(raw, answer, { cors: isApiPath(request.url), lastOne, requestId: context.id })
    endWork(context)
    open.closed()
    const tookMs = clock.monotonic() - started
    const status = raw.headersSent ? raw.statusCode : goneStatus
    traced?.end(status < 500, { 'http.response.status_code': status })
    counted?.(status, tookMs, bytes)
    logger.processed({ context, status, bytes, tookMs }, tookMs - context.restedMs > slowRequestMs)
  }
}

/**
 * Runs the handler. Should something end with another client that this request has come to share with that one's, which
 * is a fault of whoever shares it, then it is done again.
 */
function handling<Requester>(
  route: Route<Requester>,
  logger: Logger,
): (call: MutableCall<Requester>) => Promise<object> {
  const handler = route.handler as Handler<Requester>
  return async (call) => {
    try {
      return await handler(call)
    } catch (error) {
      if (!isClientGone(error) || call.client.gone) throw error
      logger.warn('Work for several requests ended with the client of one', { error })
      if (call.client.kept) throw new Error('it cannot be done again: something of it is written', { cause: error })
      return await forEverybody(() => handler(call))
    }
  }
}

type Handler<Requester> = (call: Call<Requester, unknown, unknown, unknown>) => Promise<object | Answer | JsonText>

/** A call being put together. Its signal is made only for handlers that look at it. */
class MutableCall<Requester> implements Call<Requester, unknown, unknown, unknown> {
  params: unknown = undefined
  query: unknown = undefined
  body: unknown = undefined
  declare requester: Requester
  readonly client: WaitingClient
  readonly #request: Request
  readonly #reply: FastifyReply
  readonly #open: OpenRequests
  #signal: AbortSignal | undefined

  constructor(request: Request, reply: FastifyReply, open: OpenRequests) {
    this.client = new WaitingClient(reply.raw, request.method)
    this.#request = request
    this.#reply = reply
    this.#open = open
  }

  get ip(): string {
    return this.#request.ip
  }

  get userAgent(): string {
    return this.#request.headers['user-agent'] ?? ''
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#open.signalFor(this.#reply.raw)
    return this.#signal
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }
}

function contextOf(request: Request, route: { readonly method: string; readonly path: string }): RequestContext {
  return {
    id: request.id,
    method: route.method,
    background: false,
    path: route.path,
    ip: request.ip,
    requester: undefined,
    device: undefined,
    ...noCounts(),
  }
}

/** The steps that need no input: who asks, may they, and not too often. */
function admission<Requester>(
  route: Route<Requester>,
  { doorkeeper, limits }: PipelineDeps<Requester>,
): (request: Request, call: MutableCall<Requester>) => Promise<Requester> {
  const { auth, limit } = route
  return async (request, call) => {
    const token = auth === 'none' ? undefined : accessTokenOf(request.raw, request.query as RawQuery)
    let requester: Requester | undefined
    if (token !== undefined) requester = await doorkeeper.requesterOf(token, call)
    else if (auth === 'user' || auth === 'admin') throw new MatrixError('M_MISSING_TOKEN', 'An access token is needed.')
    if (limit !== undefined) limits.take(limit, requester === undefined ? call.ip : doorkeeper.nameOf(requester))
    if (auth === 'admin' && requester !== undefined && !doorkeeper.isAdmin(requester)) {
      throw new MatrixError('M_FORBIDDEN', 'This is for administrators of this server.')
    }
    // Only 'none' and 'optional' come here without a requester, and their handlers are typed for it.
    return requester as Requester
  }
}

/** The steps that read the input and hold it against the schemas. */
function inputReader<Requester>(route: Route<Requester>): (request: Request, call: MutableCall<Requester>) => void {
  const checkParams = route.params === undefined ? undefined : checkerFor(route.params, 'path')
  const readQuery = route.query === undefined ? undefined : queryReaderFor(route.query)
  const checkQuery = route.query === undefined ? undefined : checkerFor(route.query, 'query')
  const checkBody = route.body === undefined ? undefined : checkerFor(route.body, 'body')
  return (request, call) => {
    call.params = request.params
    checkParams?.(call.params)
    call.query = readQuery === undefined ? request.query : readQuery(request.query as RawQuery)
    checkQuery?.(call.query)
    if (checkBody === undefined) return
    call.body = bodyOf(request, route)
    checkBody(call.body)
  }
}

/** A POST or DELETE without any body counts as one with an empty object: many clients send it so. */
function bodyOf(request: Request, route: Pick<Route, 'method' | 'bodyFormat'>): unknown {
  const bytes = request.body
  if (route.bodyFormat === 'form') return readFormBody(bytes ?? Buffer.alloc(0))
  if (bytes !== undefined && bytes.length > 0) return readJsonBody(bytes)
  if (route.method !== 'PUT') return {}
  throw new MatrixError('M_NOT_JSON', 'The body is empty. Send a JSON object.')
}
