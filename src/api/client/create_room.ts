import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { CreateRoom } from '#rooms/create-room.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { jsonObject } from '../schemas.ts'

const createRoomBody = Type.Object({
  visibility: Type.Optional(Type.Enum(['public', 'private'])),
  room_alias_name: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  invite: Type.Optional(Type.Array(Type.String())),
  invite_3pid: Type.Optional(Type.Array(Type.Unknown())),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(jsonObject),
  initial_state: Type.Optional(
    Type.Array(Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: jsonObject })),
  ),
  preset: Type.Optional(Type.Enum(['private_chat', 'public_chat', 'trusted_private_chat'])),
  is_direct: Type.Optional(Type.Boolean()),
  power_level_content_override: Type.Optional(jsonObject),
})

/** Making rooms. */
export function createRoomRoutes(deps: { readonly createRoom: CreateRoom }): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/createRoom https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
    route({
      method: 'POST',
      path: '/_matrix/client/v3/createRoom',
      auth: 'user',
      limit: 'room_creation',
      body: createRoomBody,
      handler: async ({ requester, body }) => ({ room_id: await deps.createRoom.create(requester, body) }),
    }),
  ]
}
