import { Type } from '#http/schema.ts'
import { JsonText, type Route } from '#http/route.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomId, type RoomId, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { AccountData } from '#users/account-data.ts'
import type { Requester } from '#users/requester.ts'
import { ownUserId } from '../own-user.ts'
import { route } from '../route.ts'

const globalPath = '/_matrix/client/v3/user/{userId}/account_data/{type}'
const roomPath = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}'
const globalParams = Type.Object({ userId: Type.String(), type: Type.String() })
const roomParams = Type.Object({ userId: Type.String(), roomId: Type.String(), type: Type.String() })
const contentBody = Type.Unsafe<JsonObject>(Type.Object({}))

/** Types that the server writes itself. https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-12 */
const serverTypes: ReadonlySet<string> = new Set(['m.fully_read', 'm.push_rules'])

/** What clients keep for their user. */
export function accountDataRoutes(deps: { readonly accountData: AccountData }): Route<Requester>[] {
  const { accountData } = deps
  return [
    // PUT /_matrix/client/v3/user/{userId}/account_data/{type}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype
    route({
      method: 'PUT',
      path: globalPath,
      auth: 'user',
      params: globalParams,
      body: contentBody,
      handler: async ({ requester, params, body }) => {
        await accountData.set(ownUserId(requester, params.userId), null, clientType(params.type), body)
        return {}
      },
    }),

    // GET /_matrix/client/v3/user/{userId}/account_data/{type}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype
    route({
      method: 'GET',
      path: globalPath,
      auth: 'user',
      params: globalParams,
      handler: async ({ requester, params }) =>
        contentOf(accountData, ownUserId(requester, params.userId), { roomId: null, type: params.type }),
    }),

    // PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype
    route({
      method: 'PUT',
      path: roomPath,
      auth: 'user',
      params: roomParams,
      body: contentBody,
      handler: async ({ requester, params, body }) => {
        const userId = ownUserId(requester, params.userId)
        await accountData.set(userId, parseRoomId(params.roomId), clientType(params.type), body)
        return {}
      },
    }),

    // GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype
    route({
      method: 'GET',
      path: roomPath,
      auth: 'user',
      params: roomParams,
      handler: async ({ requester, params }) => {
        const userId = ownUserId(requester, params.userId)
        return contentOf(accountData, userId, { roomId: parseRoomId(params.roomId), type: params.type })
      },
    }),
  ]
}

function clientType(type: string): string {
  if (serverTypes.has(type))
    throw new MatrixError('M_BAD_JSON', `${type} is written by the server: use the endpoint made for it.`, {
      status: 405,
    })
  return type
}

async function contentOf(
  accountData: AccountData,
  userId: UserId,
  { roomId, type }: { readonly roomId: RoomId | null; readonly type: string },
): Promise<JsonText> {
  const text = await accountData.get(userId, roomId, type)
  if (text === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no account data of this type.')
  return new JsonText(text)
}
