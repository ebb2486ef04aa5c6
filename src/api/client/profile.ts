import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Profiles } from '#users/profiles.ts'
import type { Requester } from '#users/requester.ts'
import { ownUserId } from '../own-user.ts'
import { route } from '../route.ts'

const fieldPath = '/_matrix/client/v3/profile/{userId}/{keyName}'
/** Under this name clients ask servers that are older than v1.16. */
const unstableFieldPath = '/_matrix/client/unstable/uk.tcpip.msc4133/profile/{userId}/{keyName}'
const fieldParams = Type.Object({ userId: Type.String(), keyName: Type.String() })
const fieldBytesMax = 131_072

/** What people say of themselves. */
export function profileRoutes(deps: { readonly profiles: Profiles }): Route<Requester>[] {
  const { profiles } = deps
  return [
    // GET /_matrix/client/v3/profile/{userId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/profile/{userId}',
      aliases: ['/_matrix/client/unstable/uk.tcpip.msc4133/profile/{userId}'],
      auth: 'optional',
      params: Type.Object({ userId: Type.String() }),
      handler: async ({ params }) => {
        const profile = await profiles.get(parseUserId(params.userId))
        if (profile === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such user here.')
        return profile
      },
    }),

    // GET /_matrix/client/v3/profile/{userId}/{keyName}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname
    route({
      method: 'GET',
      path: fieldPath,
      aliases: [unstableFieldPath],
      auth: 'optional',
      params: fieldParams,
      handler: async ({ params: { userId, keyName } }) => ({
        [keyName]: await profiles.field(parseUserId(userId), keyName),
      }),
    }),

    // PUT /_matrix/client/v3/profile/{userId}/{keyName}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname
    route({
      method: 'PUT',
      path: fieldPath,
      aliases: [unstableFieldPath],
      auth: 'user',
      limit: 'default',
      bodyBytesMax: fieldBytesMax,
      params: fieldParams,
      body: Type.Unsafe<JsonObject>(Type.Object({})),
      handler: async ({ requester, params: { userId, keyName }, body }) => {
        ownUserId(requester, userId)
        const value = Object.hasOwn(body, keyName) ? body[keyName] : undefined
        if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `Missing from the body: ${keyName}.`)
        await profiles.set(requester, keyName, value)
        return {}
      },
    }),

    // DELETE /_matrix/client/v3/profile/{userId}/{keyName}
    // https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname
    route({
      method: 'DELETE',
      path: fieldPath,
      aliases: [unstableFieldPath],
      auth: 'user',
      limit: 'default',
      params: fieldParams,
      handler: async ({ requester, params: { userId, keyName } }) => {
        ownUserId(requester, userId)
        await profiles.remove(requester, keyName)
        return {}
      },
    }),
  ]
}
