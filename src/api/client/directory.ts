import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomAlias, parseRoomId } from '#protocol/identifiers.ts'
import type { Aliases } from '#rooms/aliases.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const aliasPath = '/_matrix/client/v3/directory/room/{roomAlias}'
const aliasParams = Type.Object({ roomAlias: Type.String() })

/** The names of rooms. */
export function directoryRoutes(deps: { readonly aliases: Aliases }): Route<Requester>[] {
  const { aliases } = deps
  return [
    // GET /_matrix/client/v3/directory/room/{roomAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias
    route({
      method: 'GET',
      path: aliasPath,
      auth: 'none',
      limit: 'default',
      params: aliasParams,
      handler: async ({ params }) => {
        const { room, servers } = await aliases.resolve(parseRoomAlias(params.roomAlias))
        return { room_id: room.roomId, servers }
      },
    }),

    // PUT /_matrix/client/v3/directory/room/{roomAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias
    route({
      method: 'PUT',
      path: aliasPath,
      auth: 'user',
      params: aliasParams,
      body: Type.Object({ room_id: Type.String() }),
      handler: async ({ requester, params, body }) => {
        await aliases.create(requester, parseRoomAlias(params.roomAlias), parseRoomId(body.room_id))
        return {}
      },
    }),

    // DELETE /_matrix/client/v3/directory/room/{roomAlias}
    // https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
    route({
      method: 'DELETE',
      path: aliasPath,
      auth: 'user',
      params: aliasParams,
      handler: async ({ requester, params }) => {
        await aliases.delete(requester, parseRoomAlias(params.roomAlias))
        return {}
      },
    }),

    // GET /_matrix/client/v3/rooms/{roomId}/aliases
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/aliases',
      auth: 'user',
      params: Type.Object({ roomId: Type.String() }),
      handler: async ({ requester, params }) => ({
        aliases: await aliases.ofRoom(requester.userId, parseRoomId(params.roomId)),
      }),
    }),
  ]
}
