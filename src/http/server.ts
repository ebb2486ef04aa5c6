import fastify, { type FastifyInstance } from 'fastify'
import type { RequestListener, Server } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import { MatrixError } from '#protocol/errors.ts'
import { OpenRequests } from './open-requests.ts'
import { serve, type PipelineDeps } from './pipeline.ts'
import { declared, refusal } from './refusal.ts'
import { writePreflight } from './response.ts'
import type { Method, Route } from './route.ts'

/** Not imported: an import of node:http loads Node's own fetch and WebSocket too, 15 MB and 50 ms of every start. */
const { createServer: createHttpServer } = process.getBuiltinModule('node:http')

/** Largest body of an endpoint that names no limit of its own: an event has 65,536 bytes, key uploads have more. */
const bodyBytesMax = 1_048_576
/** Largest request line and headers together. A filter or a token in an address may be long. */
const headersBytesMax = 32_768
/** How long a client may take to send its headers and body. A long poll's answer may take as long as it likes. */
const requestMsMax = 120_000
/** How long an unused connection is kept; longer than the 60 seconds common in proxies, so that they close first. */
const keepAliveMs = 75_000

const notUsed = (): never => {
  throw new Error('the schemas of doors are checked in validation.ts, not by the router')
}
/** Fastify loads two compilers of schemas unless it is given others: 3 MiB for what no route here has. */
const noSchemas = { compilersFactory: { buildValidator: () => notUsed, buildSerializer: () => notUsed } }

export interface ServerOptions<Requester> extends Omit<PipelineDeps<Requester>, 'open'> {
  readonly routes: readonly Route<Requester>[]
  /** Proxies whose `X-Forwarded-For` is believed: addresses or networks (`10.0.0.0/8`). */
  readonly trustedProxies?: readonly string[]
  /** Certificate and key in PEM; without them the server speaks plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined
}

/** One listening server and its endpoints. */
export class HttpServer {
  readonly #app: FastifyInstance
  readonly #open: OpenRequests
  readonly #secure: boolean

  /** Use `createServer`. */
  constructor(app: FastifyInstance, open: OpenRequests, secure: boolean) {
    this.#app = app
    this.#open = open
    this.#secure = secure
  }

  /**
   * Starts to listen, at an address and port (0 takes any free one) or on a Unix socket. Throws Node's error
   * (`EADDRINUSE`, `EACCES` …) when it cannot.
   */
  async listen(where: { readonly address: string; readonly port: number } | { readonly path: string }): Promise<void> {
    await this.#app.ready()
    const { server } = this.#app
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen('path' in where ? where : { host: where.address, port: where.port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  }

  /** Where it listens, as a base address without a path: `http://127.0.0.1:8008`; for a Unix socket, its path. */
  get address(): string {
    const where = this.#app.server.address()
    if (where === null || typeof where === 'string') return where ?? ''
    const { address, port, family } = where
    const host = family === 'IPv6' ? `[${address}]` : address
    return `${this.#secure ? 'https' : 'http'}://${host}:${port}`
  }

  /** Uses another certificate for connections to come; only for a server that speaks HTTPS. */
  useCertificate(tls: { readonly certificate: string; readonly key: string }): void {
    const server = this.#app.server as Server & Partial<SecureServer>
    server.setSecureContext?.({ cert: tls.certificate, key: tls.key })
  }

  /** How many requests are being answered. */
  get openRequests(): number {
    return this.#open.count
  }

  /**
   * Takes no further connection, ends the waits of long polls, lets requests finish for up to `graceMs`, then closes
   * what is left.
   */
  async close(graceMs: number): Promise<void> {
    this.#open.stop()
    const { server } = this.#app
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    await closed
    clearTimeout(cut)
    await this.#app.close()
  }
}

/** Makes a server of these endpoints; it does not listen yet. */
export function createServer<Requester>(options: ServerOptions<Requester>): HttpServer {
  const open = new OpenRequests()
  const { tls, trustedProxies = [] } = options
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
    routerOptions: { maxParamLength: headersBytesMax },
    serverFactory: (listener) => nodeServer(listener, tls),
    schemaController: noSchemas,
  })
  const refuse = refusal({ ...options, open })
  // Bodies are read as bytes, whatever their Content-Type says: clients are free to leave it out.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler(refuse)
  const methodsOf = methodFinder(options.routes)
  app.setNotFoundHandler((request, reply) => refuse(unrecognized(methodsOf(request.url)), request, reply))
  for (const route of options.routes) register(app, route, { ...options, open })
  return new HttpServer(app, open, tls !== undefined)
}

function register<Requester>(app: FastifyInstance, route: Route<Requester>, deps: PipelineDeps<Requester>): void {
  const handler = serve(route, deps)
  for (const path of [route.path, ...(route.aliases ?? [])]) {
    app.route({
      method: route.method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler,
      ...declared(route.path),
      ...(route.bodyBytesMax === undefined ? {} : { bodyLimit: route.bodyBytesMax }),
    })
  }
}

function nodeServer(listener: RequestListener, tls: ServerOptions<unknown>['tls']): Server {
  const limits = { maxHeaderSize: headersBytesMax, requestTimeout: requestMsMax, keepAliveTimeout: keepAliveMs }
  const front: RequestListener = (request, response) => {
    if (request.method === 'OPTIONS') return writePreflight(response)
    // Node leaves the body out of any answer to HEAD by itself, so the endpoint for GET serves both.
    if (request.method === 'HEAD') request.method = 'GET'
    return listener(request, response)
  }
  const server =
    tls === undefined
      ? createHttpServer(limits, front)
      : process.getBuiltinModule('node:https').createServer({ ...limits, cert: tls.certificate, key: tls.key }, front)
  server.on('clientError', answerBrokenRequest)
  return server
}

/** Answers what is not HTTP, or has headers that are too large, as far as the connection still allows. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'M_TOO_LARGE', 'The address or the headers are too long.']
      : ['400 Bad Request', 'M_UNRECOGNIZED', 'This is not a proper HTTP request.']
  const body = JSON.stringify({ errcode: code, error: text })
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`)
}

/** Gives the function that finds the methods an address has; its patterns are made when first asked. */
function methodFinder(routes: readonly Route<never>[]): (url: string) => Method[] {
  let patterns: { pattern: RegExp; method: Method }[] | undefined
  return (url) => {
    patterns ??= routes.flatMap((route) =>
      [route.path, ...(route.aliases ?? [])].map((path) => ({ pattern: patternOf(path), method: route.method })),
    )
    const path = url.split('?', 1)[0] ?? ''
    return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))]
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]*')}$`)
}

function unrecognized(methods: readonly Method[]): MatrixError {
  if (methods.length === 0) return new MatrixError('M_UNRECOGNIZED', 'There is no such endpoint here.')
  return new MatrixError('M_UNRECOGNIZED', `This endpoint has other methods: ${methods.join(', ')}.`, { status: 405 })
}
