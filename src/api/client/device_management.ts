import { Type } from '#http/schema.ts'
import { Answer, type Route } from '#http/route.ts'
import type { Device, Devices } from '#users/devices.ts'
import type { Requester } from '#users/requester.ts'
import { passwordFlows, type UiAuth } from '#users/ui-auth.ts'
import { authData } from '../auth-data.ts'
import { route } from '../route.ts'

const deviceIdParams = Type.Object({ deviceId: Type.String() })

/** The requester's devices. */
export function deviceManagementRoutes(deps: {
  readonly devices: Devices
  readonly uiAuth: UiAuth
}): Route<Requester>[] {
  const { devices, uiAuth } = deps
  return [
    // GET /_matrix/client/v3/devices https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices
    route({
      method: 'GET',
      path: '/_matrix/client/v3/devices',
      auth: 'user',
      handler: async ({ requester }) => ({ devices: (await devices.list(requester.userId)).map(deviceAnswer) }),
    }),

    // GET /_matrix/client/v3/devices/{deviceId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid
    route({
      method: 'GET',
      path: '/_matrix/client/v3/devices/{deviceId}',
      auth: 'user',
      params: deviceIdParams,
      handler: async ({ requester, params }) => deviceAnswer(await devices.get(requester.userId, params.deviceId)),
    }),

    // PUT /_matrix/client/v3/devices/{deviceId}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/devices/{deviceId}',
      auth: 'user',
      params: deviceIdParams,
      body: Type.Object({ display_name: Type.Optional(Type.String()) }),
      handler: async ({ requester, params, body }) => {
        if (body.display_name === undefined) await devices.get(requester.userId, params.deviceId)
        else await devices.rename(requester.userId, params.deviceId, body.display_name)
        return {}
      },
    }),

    // DELETE /_matrix/client/v3/devices/{deviceId}
    // https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid
    route({
      method: 'DELETE',
      path: '/_matrix/client/v3/devices/{deviceId}',
      auth: 'user',
      params: deviceIdParams,
      body: Type.Object({ auth: authData }),
      handler: async ({ requester: { userId }, params: { deviceId }, body }) => {
        const operation = `DELETE /devices/${deviceId}`
        const proof = await uiAuth.require({ operation, body, userId, flows: passwordFlows })
        if (!proof.complete) return new Answer(401, proof.body)
        await devices.delete(userId, [deviceId])
        return {}
      },
    }),

    // POST /_matrix/client/v3/delete_devices
    // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices
    route({
      method: 'POST',
      path: '/_matrix/client/v3/delete_devices',
      auth: 'user',
      body: Type.Object({ devices: Type.Array(Type.String()), auth: authData }),
      handler: async ({ requester: { userId }, body }) => {
        const operation = 'POST /delete_devices'
        const proof = await uiAuth.require({ operation, body, userId, flows: passwordFlows })
        if (!proof.complete) return new Answer(401, proof.body)
        await devices.delete(userId, body.devices)
        return {}
      },
    }),
  ]
}

/** What is not known is null: clients such as matrix-nio refuse a device that lacks a member. */
function deviceAnswer(device: Device): object {
  return {
    device_id: device.deviceId,
    display_name: device.displayName ?? null,
    last_seen_ip: device.lastSeenIp ?? null,
    last_seen_ts: device.lastSeenTs ?? null,
  }
}
