import { adminRoutes } from '#api/admin.ts'
import { doorkeeper } from '#api/authenticate.ts'
import { clientRoutes } from '#api/client.ts'
import { healthRoutes, metricsRoutes } from '#api/metrics.ts'
import { pageRoutes } from '#api/pages.ts'
import type { Route } from '#http/route.ts'
import { RateLimits } from '#http/rate-limits.ts'
import { RequestMetrics } from '#http/request-metrics.ts'
import { createServer, type HttpServer } from '#http/server.ts'
import type { Logger } from '#observability/logger.ts'
import { runInBackground } from '#observability/request-context.ts'
import { UnsignedAdditions } from '#rooms/unsigned-additions.ts'
import { Streams } from '#streams/streams.ts'
import type { Requester } from '#users/requester.ts'
import type { Config, ListenerConfig } from './config.ts'
import type { ApiName } from './config/listeners.ts'
import { openControlSocket, refuseSecondServer } from './control-socket.ts'
import { backgroundSteps } from './floors/background-migrations.ts'
import { layGround, type Ground } from './floors/ground.ts'
import { openRooms } from './floors/rooms.ts'
import { openStorage } from './floors/storage.ts'
import { openSync } from './floors/sync.ts'
import { openUsers, type UsersFloor } from './floors/users.ts'
import { measureHouse } from './house-metrics.ts'
import { openMetrics } from './open-metrics.ts'
import { openTracing } from './open-tracing.ts'
import { HouseOperator } from './operator.ts'
import { loadPlugIns } from './plug-ins.ts'
import { readTls } from './read-tls.ts'
import { whyNotReady } from './readiness.ts'
import { reload } from './reload.ts'

/** How long requests may go on after the wish to close; the whole close stays under 5 seconds. */
const closeGraceMs = 4_000

/** A homeserver that is up. */
export interface Homeserver {
  /** Where it listens, one base address for each listener of the configuration. */
  readonly addresses: readonly string[]
  /** The address that clients are told to use. */
  readonly publicAddress: string
  /** While there is no account: the one-time token that makes the first, administrator, account. */
  readonly firstAdminToken: string | undefined
  /** Puts in force what can change while it runs; says in the log what it did. Changes nothing and throws when a certificate cannot be used. */
  reload(config: Config): Promise<void>
  /** Ends long polls, lets requests finish, closes everything from the roof down; within 5 seconds. Safe to repeat. */
  close(): Promise<void>
}

/**
 * Builds the house floor by floor and opens its doors. When a floor fails, those below are closed again and its error
 * is thrown: DatabaseError, or Node's own for addresses and files.
 */
export async function openHomeserver(config: Config, logger: Logger): Promise<Homeserver> {
  await using stack = new AsyncDisposableStack()
  const servers: HttpServer[] = []
  const listening = (): string | undefined => servers[0]?.address
  const ground = layGround(config, logger, { metrics: await openMetrics(config), listening })
  const plugIns = await loadPlugIns(ground)
  const endTracing = await openTracing(config, ground)
  if (endTracing !== undefined) stack.defer(endTracing)
  const storage = await openStorage(ground)
  stack.defer(() => storage.database.close())
  await refuseSecondServer(config.dataFolder)
  const streams = await runInBackground('open_streams', () => Streams.open(storage))
  const users = openUsers({ ...ground, ...storage, streams })
  users.lastSeen.run()
  stack.defer(() => users.lastSeen.stop())
  const unsignedAdditions = new UnsignedAdditions({ plugIns, logger })
  const rooms = openRooms({ ...ground, ...storage, streams, ...users, unsignedAdditions })
  stack.defer(() => rooms.purge.stop())
  rooms.unreadCounts.start()
  stack.defer(() => rooms.unreadCounts.close())
  const sync = openSync({ ...ground, streams, ...users, ...rooms })
  measureHouse(ground.metrics, { ...storage, streams, ...rooms, unsignedAdditions })
  let closing: Promise<void> | undefined
  const stopping = (): boolean => closing !== undefined
  const watched = healthRoutes({ notReady: () => whyNotReady({ ...storage, streams, stopping }) })
  const routes = {
    client: [
      ...watched,
      ...clientRoutes({ ...ground, ...users, ...rooms, ...sync }),
      ...adminRoutes({ ...users, ...rooms }),
      ...pageRoutes({ ...ground, ...users }),
    ],
    metrics: [...watched, ...metricsRoutes(ground)],
  }

  const limits = new RateLimits({ clock: ground.clock, settings: config.rateLimits })
  stack.defer(async () => void (await Promise.all(servers.map((server) => server.close(closeGraceMs)))))
  const requestMetrics = new RequestMetrics(ground.metrics)
  ground.metrics.gauge(
    { name: 'tessera_http_open_requests', help: 'Requests being answered, long polls among them.' },
    () => servers.reduce((sum, { openRequests }) => sum + openRequests, 0),
  )
  const house = { ground, users, routes, limits, requestMetrics }
  for (const listener of config.listeners) servers.push(await openListener(listener, house))
  const addresses = servers.map((server) => server.address)
  const control = await openControlSocket(ground, new HouseOperator({ ...ground, ...users }))
  if (control !== undefined) servers.push(control)
  void storage.backgroundMigrations.run(backgroundSteps)
  stack.defer(() => storage.backgroundMigrations.stop())
  const firstAdminToken = await runInBackground('first_admin_token', () => users.registrationTokens.firstAdminToken())
  const open = stack.move()
  let inForce = config
  let reloading: Promise<void> = Promise.resolve()
  return {
    reload: async (next) => {
      // One after another: each compares with what the one before has put in force.
      const reloaded = reloading.then(() => reload(inForce, next, { logger, limits, servers, ...users }))
      reloading = reloaded.then(
        (each) => void (inForce = each),
        () => undefined,
      )
      await reloaded
    },
    addresses,
    publicAddress: ground.publicAddress(),
    firstAdminToken,
    close: () => (closing ??= open.disposeAsync()),
  }
}

async function openListener(
  listener: ListenerConfig,
  house: {
    readonly ground: Ground
    readonly users: UsersFloor
    readonly routes: Readonly<Record<ApiName, readonly Route<Requester>[]>>
    readonly limits: RateLimits
    readonly requestMetrics: RequestMetrics
  },
): Promise<HttpServer> {
  const { tls } = listener
  const server = createServer<Requester>({
    // A listener for both has what they share once.
    routes: [...new Set(listener.apis.flatMap((api) => house.routes[api]))],
    doorkeeper: doorkeeper(house.users),
    limits: house.limits,
    clock: house.ground.clock,
    logger: house.ground.logger,
    metrics: house.requestMetrics,
    slowRequestMs: house.ground.config.log.slowRequestMs,
    trustedProxies: listener.trustedProxies,
    tls: tls === undefined ? undefined : await readTls(tls),
  })
  await server.listen(listener)
  return server
}
