import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import { parseUserId } from '#protocol/identifiers.ts'
import type { Requester } from '#users/requester.ts'
import type { ToDevice } from '#users/to-device.ts'
import { route } from '../route.ts'
import { jsonObject, mapOf } from '../schemas.ts'

/** A request carries a message for each device of each member of a room. */
const sendToDeviceBytesMax = 8_388_608

/** Messages from device to device. */
export function toDeviceRoutes(deps: { readonly toDevice: ToDevice }): Route<Requester>[] {
  return [
    // PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId} https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
      auth: 'user',
      limit: 'keys',
      bodyBytesMax: sendToDeviceBytesMax,
      params: Type.Object({ eventType: Type.String(), txnId: Type.String() }),
      body: Type.Object({ messages: mapOf(mapOf(jsonObject)) }),
      handler: async ({ requester, params, body }) => {
        const messages = new Map(
          Object.entries(body.messages).map(([userId, devices]) => [
            parseUserId(userId),
            new Map(Object.entries(devices)),
          ]),
        )
        await deps.toDevice.send(requester, params.eventType, params.txnId, messages)
        return {}
      },
    }),
  ]
}
