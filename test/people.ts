import type { TestContext } from 'node:test'
import { adminRoutes } from '#api/admin.ts'
import { doorkeeper } from '#api/authenticate.ts'
import { clientRoutes, type ClientDeps } from '#api/client.ts'
import type { Config } from '../src/app/config.ts'
import { openRooms, type RoomsFloor } from '../src/app/floors/rooms.ts'
import { openUsers, type UsersFloor } from '../src/app/floors/users.ts'
import { systemClock, type Clock } from '#base/clock.ts'
import { systemRandom } from '#base/random.ts'
import { RateLimits } from '#http/rate-limits.ts'
import { createServer } from '#http/server.ts'
import { type Logger, silentLogger } from '#observability/logger.ts'
import { uncounted } from '#observability/metrics.ts'
import { parseServerName } from '#protocol/identifiers.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { BackgroundMigrations } from '#storage/background-migrations.ts'
import { IdBlocks } from '#storage/id-blocks.ts'
import { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import { Streams } from '#streams/streams.ts'

/** What a door answered. `body` is the parsed JSON. */
export interface Answered {
  readonly status: number
  // Tests look at whatever is there; a wrong guess fails the assertion that reads it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any
}

/** The doors of people and rooms, served over a test's database; sync is not there. */
export interface People extends UsersFloor, RoomsFloor {
  readonly address: string
  readonly streams: Streams
  /** Calls a door: `call('POST', '/_matrix/client/v3/login', { body })`. A string body is sent as it is. */
  call(method: string, path: string, options?: { token?: string; body?: unknown }): Promise<Answered>
  /** Registers a user with the password `correct horse`, on a new device. */
  person(localpart: string): Promise<{ userId: string; deviceId: string; token: string }>
}

export interface PeopleOptions {
  readonly registration?: Config['registration']
  readonly clock?: Clock
  /** Told of requests that failed by a fault of ours. */
  readonly logger?: Logger
}

/** Opens the doors of people on a free port, until the test ends. */
export async function openPeople(t: TestContext, database: Database, options: PeopleOptions = {}): Promise<People> {
  const clock = options.clock ?? systemClock
  const ids = new IdBlocks({ database })
  const streams = await Streams.open({ database, ids })
  const serverName = parseServerName('example.org')
  const config: Config = {
    serverName,
    publicAddress: undefined,
    dataFolder: '/nowhere',
    listeners: [],
    database: { url: '', poolSize: 1 },
    registration: options.registration ?? { mode: 'open', sharedSecret: undefined },
    rateLimits: {},
    log: { level: 'error', format: 'text', slowRequestMs: 2_000, slowQueryMs: 500 },
    tracing: undefined,
    plugIns: [],
  }
  const ground = {
    config,
    serverName,
    publicAddress: () => 'http://localhost',
    signingKey: newSigningKey(),
    clock,
    random: systemRandom,
    logger: silentLogger,
    metrics: uncounted,
  }
  const backgroundMigrations = await BackgroundMigrations.open({ database, clock, logger: silentLogger })
  const interned = new Interned({ database, ids })
  const below = { ...ground, database, ids, interned, backgroundMigrations, streams }
  const users = openUsers(below)
  const rooms = openRooms({ ...below, ...users })
  t.after(() => rooms.typing.close())
  // Doors of sync are declared and never called.
  const deps = { ...ground, ...users, ...rooms } as unknown as ClientDeps
  const server = createServer({
    routes: [...clientRoutes(deps), ...adminRoutes({ ...users, ...rooms })],
    doorkeeper: doorkeeper(users),
    limits: new RateLimits({ clock, settings: {} }),
    clock,
    logger: options.logger ?? silentLogger,
  })
  await server.listen({ address: '127.0.0.1', port: 0 })
  t.after(() => server.close(1000))
  const call: People['call'] = async (method, path, { token, body } = {}) => {
    const response = await fetch(`${server.address}${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const person: People['person'] = async (localpart) => {
    const { body } = await call('POST', '/_matrix/client/v3/register', {
      body: { username: localpart, password: 'correct horse', auth: { type: 'm.login.dummy' } },
    })
    return { userId: body.user_id, deviceId: body.device_id, token: body.access_token }
  }
  return { ...users, ...rooms, address: server.address, streams, call, person }
}
