import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseUserId, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { KeyChanges } from '#sync/key-changes.ts'
import { splitByServer, type DeviceKeys } from '#users/device-keys.ts'
import type { OneTimeKeys } from '#users/one-time-keys.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { jsonObject, mapOf } from '../schemas.ts'

/** Most users that one query or claim may name. */
const namedUsersMax = 10_000

/** Most devices of one user that a query may name. */
const namedDevicesMax = 1000

/** Publishing, finding and claiming the keys of devices. */
export function keysRoutes(deps: {
  readonly serverName: ServerName
  readonly deviceKeys: DeviceKeys
  readonly oneTimeKeys: OneTimeKeys
  readonly keyChanges: KeyChanges
}): Route<Requester>[] {
  return [uploadRoute(deps), queryRoute(deps), claimRoute(deps), changesRoute(deps)]
}

function uploadRoute(deps: { readonly deviceKeys: DeviceKeys }): Route<Requester> {
  // POST /_matrix/client/v3/keys/upload https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
  return route({
    method: 'POST',
    path: '/_matrix/client/v3/keys/upload',
    auth: 'user',
    limit: 'keys',
    body: Type.Object({
      device_keys: Type.Optional(jsonObject),
      one_time_keys: Type.Optional(jsonObject),
      fallback_keys: Type.Optional(jsonObject),
    }),
    handler: async ({ requester, body }) => ({
      one_time_key_counts: await deps.deviceKeys.upload(requester, {
        deviceKeys: body.device_keys,
        oneTimeKeys: body.one_time_keys,
        fallbackKeys: body.fallback_keys,
      }),
    }),
  })
}

function queryRoute(deps: { readonly deviceKeys: DeviceKeys }): Route<Requester> {
  // POST /_matrix/client/v3/keys/query https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
  return route({
    method: 'POST',
    path: '/_matrix/client/v3/keys/query',
    auth: 'user',
    limit: 'keys',
    body: Type.Object({
      timeout: Type.Optional(Type.Integer()),
      device_keys: mapOf(Type.Array(Type.String(), { maxItems: namedDevicesMax })),
    }),
    handler: async ({ requester, body }) => deps.deviceKeys.query(requester, byUser(body.device_keys)),
  })
}

function claimRoute(deps: { readonly serverName: ServerName; readonly oneTimeKeys: OneTimeKeys }): Route<Requester> {
  // POST /_matrix/client/v3/keys/claim https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
  return route({
    method: 'POST',
    path: '/_matrix/client/v3/keys/claim',
    auth: 'user',
    limit: 'keys',
    body: Type.Object({
      timeout: Type.Optional(Type.Integer()),
      one_time_keys: mapOf(mapOf(Type.String())),
    }),
    handler: async ({ body }) => {
      const wanted = byUser(body.one_time_keys)
      const { local, failures } = splitByServer(wanted.keys(), deps.serverName)
      const claimed = await deps.oneTimeKeys.claim(
        new Map(local.map((userId) => [userId, new Map(Object.entries(wanted.get(userId) ?? {}))])),
      )
      const keys = [...claimed].map(([userId, devices]) => [userId, Object.fromEntries(devices)] as const)
      return { one_time_keys: Object.fromEntries(keys), failures }
    },
  })
}

function changesRoute(deps: { readonly keyChanges: KeyChanges }): Route<Requester> {
  // GET /_matrix/client/v3/keys/changes https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
  return route({
    method: 'GET',
    path: '/_matrix/client/v3/keys/changes',
    auth: 'user',
    limit: 'keys',
    query: Type.Object({ from: Type.String(), to: Type.String() }),
    handler: async ({ requester, query, signal }) => deps.keyChanges.between(requester, query, signal),
  })
}

function byUser<T>(record: Readonly<Record<string, T>>): Map<UserId, T> {
  const entries = Object.entries(record)
  if (entries.length > namedUsersMax) {
    throw new MatrixError('M_TOO_LARGE', `At most ${namedUsersMax} users may be named at once`)
  }
  return new Map(entries.map(([userId, value]) => [parseUserId(userId), value]))
}
