import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseRoomId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Requester } from '#users/requester.ts'
import type { Tags } from '#users/tags.ts'
import { ownUserId } from '../own-user.ts'
import { route } from '../route.ts'

const tagPath = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}'
const tagParams = Type.Object({ userId: Type.String(), roomId: Type.String(), tag: Type.String() })
const tagBody = Type.Unsafe<JsonObject>(Type.Object({ order: Type.Optional(Type.Number()) }))

/** The tags that a user puts on rooms. */
export function tagsRoutes(deps: { readonly tags: Tags }): Route<Requester>[] {
  const { tags } = deps
  return [
    // GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags',
      auth: 'user',
      params: Type.Object({ userId: Type.String(), roomId: Type.String() }),
      handler: async ({ requester, params }) => ({
        tags: await tags.of(ownUserId(requester, params.userId), parseRoomId(params.roomId)),
      }),
    }),

    // PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag
    route({
      method: 'PUT',
      path: tagPath,
      auth: 'user',
      params: tagParams,
      body: tagBody,
      handler: async ({ requester, params, body }) => {
        await tags.set(ownUserId(requester, params.userId), parseRoomId(params.roomId), params.tag, body)
        return {}
      },
    }),

    // DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}
    // https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag
    route({
      method: 'DELETE',
      path: tagPath,
      auth: 'user',
      params: tagParams,
      handler: async ({ requester, params }) => {
        await tags.remove(ownUserId(requester, params.userId), parseRoomId(params.roomId), params.tag)
        return {}
      },
    }),
  ]
}
