import { Type } from '#http/schema.ts'
import type { Route } from '#http/route.ts'
import type { JsonArray } from '#protocol/json.ts'
import type { PushRules } from '#users/push-rules.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'

const rulePath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}'
const ruleParams = Type.Object({ kind: Type.String(), ruleId: Type.String() })
const list = Type.Unsafe<JsonArray>(Type.Array(Type.Unknown()))

/** The rules by which users are notified. */
export function pushrulesRoutes(deps: { readonly pushRules: PushRules }): Route<Requester>[] {
  return [...readRoutes(deps.pushRules), ...writeRoutes(deps.pushRules), ...partRoutes(deps.pushRules)]
}

function readRoutes(pushRules: PushRules): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/pushrules/ https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules
    route({
      method: 'GET',
      path: '/_matrix/client/v3/pushrules/',
      aliases: ['/_matrix/client/v3/pushrules'],
      auth: 'user',
      handler: async ({ requester }) => pushRules.of(requester.userId),
    }),

    // GET /_matrix/client/v3/pushrules/global/
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal
    route({
      method: 'GET',
      path: '/_matrix/client/v3/pushrules/global/',
      aliases: ['/_matrix/client/v3/pushrules/global'],
      auth: 'user',
      handler: async ({ requester }) => (await pushRules.of(requester.userId)).global,
    }),

    // GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid
    route({
      method: 'GET',
      path: rulePath,
      auth: 'user',
      params: ruleParams,
      handler: async ({ requester: { userId }, params }) => pushRules.rule({ userId, ...params }),
    }),
  ]
}

function writeRoutes(pushRules: PushRules): Route<Requester>[] {
  return [
    // PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
    route({
      method: 'PUT',
      path: rulePath,
      auth: 'user',
      limit: 'default',
      params: ruleParams,
      query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
      body: Type.Object({
        actions: list,
        conditions: Type.Optional(list),
        pattern: Type.Optional(Type.String()),
      }),
      handler: async ({ requester: { userId }, params, query, body }) => {
        await pushRules.put({ userId, ...params }, body, query)
        return {}
      },
    }),

    // DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
    // https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid
    route({
      method: 'DELETE',
      path: rulePath,
      auth: 'user',
      params: ruleParams,
      handler: async ({ requester: { userId }, params }) => {
        await pushRules.delete({ userId, ...params })
        return {}
      },
    }),
  ]
}

function partRoutes(pushRules: PushRules): Route<Requester>[] {
  return [
    // GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled
    route({
      method: 'GET',
      path: `${rulePath}/enabled`,
      auth: 'user',
      params: ruleParams,
      handler: async ({ requester: { userId }, params }) => ({
        enabled: (await pushRules.rule({ userId, ...params })).enabled,
      }),
    }),

    // PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled
    route({
      method: 'PUT',
      path: `${rulePath}/enabled`,
      auth: 'user',
      params: ruleParams,
      body: Type.Object({ enabled: Type.Boolean() }),
      handler: async ({ requester: { userId }, params, body }) => {
        await pushRules.enable({ userId, ...params }, body.enabled)
        return {}
      },
    }),

    // GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions
    // https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions
    route({
      method: 'GET',
      path: `${rulePath}/actions`,
      auth: 'user',
      params: ruleParams,
      handler: async ({ requester: { userId }, params }) => ({
        actions: (await pushRules.rule({ userId, ...params })).actions,
      }),
    }),

    // PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions
    // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions
    route({
      method: 'PUT',
      path: `${rulePath}/actions`,
      auth: 'user',
      params: ruleParams,
      body: Type.Object({ actions: list }),
      handler: async ({ requester: { userId }, params, body }) => {
        await pushRules.setActions({ userId, ...params }, body.actions)
        return {}
      },
    }),
  ]
}
