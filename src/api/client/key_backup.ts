import { Type } from '#http/schema.ts'
import type { Static } from 'typebox'
import { JsonText, type Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { BackupScope, KeyBackup, UploadedSession } from '#users/key-backup.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { jsonObject, mapOf } from '../schemas.ts'

/** An upload holds the keys of many sessions. */
const storeKeysBytesMax = 16_777_216

const backup = Type.Object({ algorithm: Type.String(), auth_data: jsonObject })
const sessionBody = Type.Object({
  first_message_index: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  forwarded_count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  is_verified: Type.Boolean(),
  session_data: jsonObject,
})
const roomBody = Type.Object({ sessions: mapOf(sessionBody) })
const roomsBody = Type.Object({ rooms: mapOf(roomBody) })

const versionQuery = Type.Object({ version: Type.String() })
const versionParams = Type.Object({ version: Type.String() })
const roomParams = Type.Object({ roomId: Type.String() })
const sessionParams = Type.Object({ roomId: Type.String(), sessionId: Type.String() })

const versionsPath = '/_matrix/client/v3/room_keys/version'
const versionPath = '/_matrix/client/v3/room_keys/version/{version}'
const keysPath = '/_matrix/client/v3/room_keys/keys'
const roomPath = '/_matrix/client/v3/room_keys/keys/{roomId}'
const sessionPath = '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}'

interface Deps {
  readonly keyBackup: KeyBackup
}

/** Backups of the keys that a user's devices know. */
export function keyBackupRoutes(deps: Deps): Route<Requester>[] {
  return [...versionsRoutes(deps), ...storeRoutes(deps), ...readRoutes(deps), ...deleteRoutes(deps)]
}

function versionsRoutes({ keyBackup }: Deps): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/room_keys/version https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion
    route({
      method: 'POST',
      path: versionsPath,
      auth: 'user',
      limit: 'keys',
      body: backup,
      handler: async ({ requester, body }) => ({
        version: await keyBackup.create(requester.userId, body.algorithm, body.auth_data),
      }),
    }),
    // GET /_matrix/client/v3/room_keys/version https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion
    route({
      method: 'GET',
      path: versionsPath,
      auth: 'user',
      limit: 'keys',
      handler: async ({ requester }) => keyBackup.info(requester.userId),
    }),
    // GET /_matrix/client/v3/room_keys/version/{version} https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion
    route({
      method: 'GET',
      path: versionPath,
      auth: 'user',
      limit: 'keys',
      params: versionParams,
      handler: async ({ requester, params }) => keyBackup.info(requester.userId, params.version),
    }),
    // PUT /_matrix/client/v3/room_keys/version/{version} https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion
    route({
      method: 'PUT',
      path: versionPath,
      auth: 'user',
      limit: 'keys',
      params: versionParams,
      body: Type.Object({ ...backup.properties, version: Type.Optional(Type.String()) }),
      handler: async ({ requester, params, body }) => {
        if (body.version !== undefined && body.version !== params.version) {
          throw new MatrixError('M_INVALID_PARAM', 'version in the body must be the version in the path')
        }
        await keyBackup.update(requester.userId, params.version, body.algorithm, body.auth_data)
        return {}
      },
    }),
    // DELETE /_matrix/client/v3/room_keys/version/{version} https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion
    route({
      method: 'DELETE',
      path: versionPath,
      auth: 'user',
      limit: 'keys',
      params: versionParams,
      handler: async ({ requester, params }) => {
        await keyBackup.delete(requester.userId, params.version)
        return {}
      },
    }),
  ]
}

function storeRoutes({ keyBackup }: Deps): Route<Requester>[] {
  return [
    // PUT /_matrix/client/v3/room_keys/keys https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys
    route({
      method: 'PUT',
      path: keysPath,
      auth: 'user',
      limit: 'keys',
      bodyBytesMax: storeKeysBytesMax,
      query: versionQuery,
      body: roomsBody,
      handler: async ({ requester, query, body }) => {
        const sessions = Object.entries(body.rooms).flatMap(([roomId, room]) => sessionsOf(roomId, room.sessions))
        return keyBackup.store(requester.userId, query.version, sessions)
      },
    }),
    // PUT /_matrix/client/v3/room_keys/keys/{roomId} https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid
    route({
      method: 'PUT',
      path: roomPath,
      auth: 'user',
      limit: 'keys',
      bodyBytesMax: storeKeysBytesMax,
      params: roomParams,
      query: versionQuery,
      body: roomBody,
      handler: async ({ requester, params, query, body }) =>
        keyBackup.store(requester.userId, query.version, sessionsOf(params.roomId, body.sessions)),
    }),
    // PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid
    route({
      method: 'PUT',
      path: sessionPath,
      auth: 'user',
      limit: 'keys',
      params: sessionParams,
      query: versionQuery,
      body: sessionBody,
      handler: async ({ requester, params, query, body }) =>
        keyBackup.store(requester.userId, query.version, sessionsOf(params.roomId, { [params.sessionId]: body })),
    }),
  ]
}

function readRoutes({ keyBackup }: Deps): Route<Requester>[] {
  const read = async (requester: Requester, version: string, scope: BackupScope): Promise<JsonText> =>
    new JsonText(await keyBackup.read(requester.userId, version, scope))
  return [
    // GET /_matrix/client/v3/room_keys/keys https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys
    route({
      method: 'GET',
      path: keysPath,
      auth: 'user',
      limit: 'keys',
      query: versionQuery,
      handler: async ({ requester, query }) => read(requester, query.version, {}),
    }),
    // GET /_matrix/client/v3/room_keys/keys/{roomId} https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid
    route({
      method: 'GET',
      path: roomPath,
      auth: 'user',
      limit: 'keys',
      params: roomParams,
      query: versionQuery,
      handler: async ({ requester, params, query }) => read(requester, query.version, scopeOf(params)),
    }),
    // GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid
    route({
      method: 'GET',
      path: sessionPath,
      auth: 'user',
      limit: 'keys',
      params: sessionParams,
      query: versionQuery,
      handler: async ({ requester, params, query }) => read(requester, query.version, scopeOf(params)),
    }),
  ]
}

function deleteRoutes({ keyBackup }: Deps): Route<Requester>[] {
  return [
    // DELETE /_matrix/client/v3/room_keys/keys https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys
    route({
      method: 'DELETE',
      path: keysPath,
      auth: 'user',
      limit: 'keys',
      query: versionQuery,
      handler: async ({ requester, query }) => keyBackup.deleteKeys(requester.userId, query.version, {}),
    }),
    // DELETE /_matrix/client/v3/room_keys/keys/{roomId} https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid
    route({
      method: 'DELETE',
      path: roomPath,
      auth: 'user',
      limit: 'keys',
      params: roomParams,
      query: versionQuery,
      handler: async ({ requester, params, query }) =>
        keyBackup.deleteKeys(requester.userId, query.version, scopeOf(params)),
    }),
    // DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid
    route({
      method: 'DELETE',
      path: sessionPath,
      auth: 'user',
      limit: 'keys',
      params: sessionParams,
      query: versionQuery,
      handler: async ({ requester, params, query }) =>
        keyBackup.deleteKeys(requester.userId, query.version, scopeOf(params)),
    }),
  ]
}

function scopeOf(params: { readonly roomId: string; readonly sessionId?: string }): BackupScope {
  const roomId = parseRoomId(params.roomId)
  return params.sessionId === undefined ? { roomId } : { roomId, sessionId: params.sessionId }
}

function sessionsOf(room: string, sessions: Readonly<Record<string, Static<typeof sessionBody>>>): UploadedSession[] {
  const roomId = parseRoomId(room)
  return Object.entries(sessions).map(([sessionId, session]) => ({
    roomId,
    sessionId,
    firstMessageIndex: session.first_message_index,
    forwardedCount: session.forwarded_count,
    isVerified: session.is_verified,
    sessionData: session.session_data,
  }))
}
